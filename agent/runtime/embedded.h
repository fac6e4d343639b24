/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the embedded runtime share: embedded.c (the table, adoption, logs),
 * embedded_instance.c and embedded_task.c. Nobody else includes it.
 */
#ifndef BERTH_AGENT_RUNTIME_EMBEDDED_H
#define BERTH_AGENT_RUNTIME_EMBEDDED_H

#include <ev.h>

#include "agent/runtime/command.h"
#include "agent/runtime/runtime.h"
#include "agent/runtime/supervised.h"
#include "lib/base/list.h"

struct embedded {
	struct runtime rt; /* first */
	char *state, *run, *programs;
	struct list instances, tasks, log_readers;
	int inotify;
	ev_io inotify_watcher;
};

struct embedded_instance {
	struct list link;
	struct embedded *owner;
	struct instance_spec spec;
	char name[INSTANCE_NAME_MAX];
	pid_t pid; /* of berth-supervise, 0: none */
	int pidfd;
	int watch; /* inotify, on its folder */
	bool stopping;
	bool start_again; /* asked for while it was stopping */
	struct supervised seen; /* what was reported last */
	unsigned supervisor_deaths;
	ev_io on_exit;
	ev_timer soon; /* reports what must not be reported within a call, and restarts */
};

int embedded_instance_start(struct embedded *e, const struct instance_spec *spec, struct err *err);
int embedded_instance_stop(struct embedded *e, const struct instance_id *id, struct err *err);
/* Takes over what a former agent left in a folder of R/apps, or removes the folder. */
void embedded_instance_adopt(struct embedded *e, const char *name);
void embedded_instance_status(const struct embedded_instance *i, struct instance_status *ret);
/* The instance's state file changed: `watch` names which. */
void embedded_instance_on_state(struct embedded *e, int watch);
/* Forgets it; what runs goes on. */
void embedded_instance_free(struct embedded_instance *i);

int embedded_task_run(struct embedded *e, const struct task_spec *spec, struct err *err);
int embedded_task_cancel(struct embedded *e, const struct task_spec *spec);
void embedded_cancel_tasks_of(struct embedded *e, const char *app);
void embedded_free_tasks(struct embedded *e);

/* The start of berth-launch's command line, which names a release's files. */
struct embedded_code {
	const char *app;
	unsigned release, code_release;
};
void embedded_add_launch(
	const struct embedded *e, struct command *c, const struct embedded_code *code);

/* Signals a process that a pidfd names; a process that is gone is no error. */
void embedded_signal(int pidfd, int sig);

#endif
