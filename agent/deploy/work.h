/* SPDX-License-Identifier: Apache-2.0
 *
 * The actions of a deploy. Each does its work, now or later, and answers with job_post() or
 * job_fail(). Private to agent/deploy.
 */
#ifndef BERTH_AGENT_WORK_H
#define BERTH_AGENT_WORK_H

#include "agent/deploy/run.h"

/* prepare.c: what a deploy needs before its first state; 0 or -errno with words and the exit code */
int job_prepare(struct job *j, int *ret_exit, struct err *err);
int job_write_release(struct job *j, struct err *err); /* release.json and env */

/* work_*.c: actions; they answer with job_post() or job_fail(), now or later */
void work_checkout(struct job *j);
void work_build(struct job *j);
void work_release_command(struct job *j);
void work_code_stop(struct job *j);
bool work_code_is_over(const struct job *j);
void engine_run_builds(struct engine *e);
void work_on_task_line(void *data, const struct task_spec *task, struct str line);
void work_on_task_done(void *data, const struct task_spec *task, const struct task_result *result);
void work_start(struct job *j);
void work_check(struct job *j);
void work_check_stop(struct job *j);
void work_start_on_change(struct job *j, const struct instance_status *s);
void work_swap(struct job *j);
void work_revert(struct job *j);
void work_guard(struct job *j);
void work_guard_on_change(struct job *j, const struct instance_status *s);
void work_drain(struct job *j); /* of the old release, or in cleaning of the new one */
void work_drain_old(struct job *j);
void work_stop_old(struct job *j);
void work_clean(struct job *j);
void work_discard_release(struct job *j); /* row and folder of a release that never was live */
void work_prune(struct engine *e, const char *app);
void engine_on_release_stopped(struct engine *e, const char *app, unsigned release);

#endif
