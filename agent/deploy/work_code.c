/* SPDX-License-Identifier: Apache-2.0
 *
 * From a commit to a release that can start: checkout (a child), build and release command (tasks of
 * the runtime). Builds take turns: as many at once as half of the host's memory can hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "agent/deploy/child.h"
#include "agent/deploy/publish.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/data/json.h"
#include "lib/data/manifest.h"
#include "lib/data/yaml.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define CHECKOUT_TIMEOUT_MS 300000
#define INSTANCES_MAX 64 /* of one release */

enum {
	EXIT_APP = 1,
	EXIT_SOURCE = 2,
	EXIT_BUG = 3,
	EXIT_BUILD = 8,
	EXIT_RELEASE = 9,
	EXIT_TIMEOUT = 124
};

static void on_checkout_timeout(struct job *j)
{
	(void)job_fail(j, EXIT_TIMEOUT, NULL, "the checkout took longer than %d minutes",
		CHECKOUT_TIMEOUT_MS / 60000);
}

static void on_checkout(void *data, int status, const char *words)
{
	struct job *j = data;

	child_free(take_ptr(j->child));
	if (j->deploy.state == DEPLOY_CLEANING) {
		work_clean(j);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		job_post(j, DEPLOY_EVENT_DONE);
	else
		(void)job_fail(j,
			WIFEXITED(status) && WEXITSTATUS(status) == 2 ? EXIT_SOURCE : EXIT_BUILD,
			NULL, "checkout: %s", words);
}

void work_checkout(struct job *j)
{
	struct engine *e = j->engine;
	_cleanup_free_ char *program = xasprintf("%s/berth-git", e->paths.programs);
	_cleanup_free_ char *repo = xasprintf("%s/git/%s.git", e->paths.state, j->app);
	_cleanup_free_ char *to = release_path(&e->paths, j->app, j->deploy.release, "app");
	const char *const argv[] = {
		program, "checkout", "--repo", repo, "--commit", j->commit, "--to", to, NULL};
	struct err err = {0};

	if (child_start(e->loop, argv, on_checkout, j, &j->child, &err) < 0)
		(void)job_fail(j, EXIT_BUILD, NULL, "checkout: %s", err.msg);
	else
		job_set_timer(j, CHECKOUT_TIMEOUT_MS, on_checkout_timeout);
}

/* What berth.yaml asks for as `build.memory`, 0 when nothing. A manifest that cannot be read is for
 * the build to complain about. */
static uint64_t memory_wanted(const struct job *j)
{
	_cleanup_free_ char *dir =
		release_path(&j->engine->paths, j->app, j->deploy.release, "app");
	_cleanup_close_ int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* The tree is a stranger's: a link out of it, or a FIFO, is no manifest. */
	_cleanup_close_ int fd = dirfd < 0 ? -1
					   : file_open_beneath(dirfd, MANIFEST_FILE,
						     O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_buf_ struct buf text = BUF_INIT(YAML_BYTES_MAX);
	_cleanup_(manifest_freep) struct manifest *m = NULL;

	if (fd < 0 || fd_read_all(fd, &text) < 0 ||
		manifest_parse(MANIFEST_FILE, buf_data(&text), buf_len(&text), &m, NULL) != 0)
		return 0;
	return m->build.memory_max;
}

/* The app may ask for less than the host allows, or for anything when the host says nothing. */
static uint64_t build_memory(const struct job *j)
{
	uint64_t allowed = j->engine->config.build_memory_max, wanted = memory_wanted(j);

	if (wanted == 0 || (allowed > 0 && wanted > allowed))
		return allowed;
	return wanted;
}

static struct task_spec task_spec(const struct job *j, enum task_kind kind)
{
	const struct engine_config *config = &j->engine->config;
	struct task_spec spec = {
		.kind = kind,
		.release = j->deploy.release,
		.code_release = j->code_release,
		.plan_only = j->deploy.kind == DEPLOY_PLAN,
		.memory_max = kind == TASK_BUILD ? build_memory(j) : config->build_memory_max,
		.timeout_ms = kind == TASK_BUILD ? config->build_timeout_ms
						 : config->release_command_timeout_ms,
	};
	(void)snprintf(spec.app, sizeof spec.app, "%s", j->app);
	return spec;
}

static void run_task(struct job *j, enum task_kind kind)
{
	const struct task_spec spec = task_spec(j, kind);
	struct runtime *rt = j->engine->runtime;
	struct err err = {0};

	j->error[0] = j->hint[0] = '\0';
	j->task = kind;
	/* Before the call: the runtime may answer soon. */
	j->task_runs = true;
	if (kind == TASK_BUILD)
		j->engine->builds++;
	if (rt->ops->run_task(rt, &spec, &err) == 0)
		return;
	j->task_runs = false;
	if (kind == TASK_BUILD)
		j->engine->builds--;
	(void)job_fail(j, kind == TASK_BUILD ? EXIT_BUILD : EXIT_RELEASE, NULL, "%s", err.msg);
}

static bool has_room_for_build(const struct engine *e)
{
	struct sysinfo info;

	if (e->builds == 0)
		return true;
	if (e->config.build_memory_max == 0 || sysinfo(&info) < 0)
		return false;
	uint64_t half = (uint64_t)info.totalram * info.mem_unit / 2;
	return (e->builds + 1) * e->config.build_memory_max <= half;
}

void engine_run_builds(struct engine *e)
{
	list_for_each (it, &e->jobs) {
		struct job *j = container_of(it, struct job, link);
		if (j->waits_for_turn && has_room_for_build(e)) {
			j->waits_for_turn = false;
			run_task(j, TASK_BUILD);
		}
	}
}

void work_build(struct job *j)
{
	/* Detection alone is quick and small: it waits for nobody. */
	if (j->deploy.kind == DEPLOY_PLAN || has_room_for_build(j->engine)) {
		run_task(j, TASK_BUILD);
		return;
	}
	j->waits_for_turn = true;
	job_emit(j, json_pack("{s:s, s:s}", "type", "notice", "text",
			    "waiting for another build on this host to end"));
}

void work_release_command(struct job *j)
{
	run_task(j, TASK_RELEASE_COMMAND);
}

void work_code_stop(struct job *j)
{
	struct runtime *rt = j->engine->runtime;

	j->waits_for_turn = false;
	if (j->child)
		child_kill(j->child);
	if (j->task_runs && rt) {
		const struct task_spec spec = task_spec(j, j->task);
		(void)rt->ops->cancel_task(rt, &spec);
	}
}

bool work_code_is_over(const struct job *j)
{
	return !j->child && !j->task_runs;
}

static void copy_text(char to[DEPLOY_REASON_MAX], const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	(void)snprintf(to, DEPLOY_REASON_MAX, "%s", text ? text : "");
}

/* berth-build speaks out of a sandbox: only what it may say is passed on. */
static bool take_build_event(struct job *j, const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const char *text = json_string_value(json_object_get(o, "text"));
	const char *name = json_string_value(json_object_get(o, "name"));
	const char *status = json_string_value(json_object_get(o, "status"));
	const char *line = json_string_value(json_object_get(o, "line"));

	if (streq(type, "log") && line) {
		event_log_add_output(j->log, "build", NULL, str_from(line));
	} else if (streq(type, "reason") && text) {
		job_emit(j, json_pack("{s:s, s:s}", "type", "reason", "text", text));
	} else if (streq(type, "step") && name && status) {
		json_t *event = json_pack(
			"{s:s, s:s, s:s}", "type", "step", "name", name, "status", status);
		json_t *ms = json_object_get(o, "ms");
		if (json_is_integer(ms))
			(void)json_object_set(event, "ms", ms);
		job_emit(j, event);
	} else if (streq(type, "error")) {
		copy_text(j->error, o, "message");
		copy_text(j->hint, o, "hint");
	} else {
		return false;
	}
	return true;
}

static struct job *find_task_job(struct engine *e, const struct task_spec *task)
{
	struct job *j = engine_find_release_job(e, task->app, task->release);
	return j && j->task_runs && j->task == task->kind ? j : NULL;
}

void work_on_task_line(void *data, const struct task_spec *task, struct str line)
{
	struct job *j = find_task_job(data, task);

	if (!j || !j->log || event_log_is_closed(j->log))
		return;
	if (task->kind == TASK_RELEASE_COMMAND) {
		event_log_add_output(j->log, "release", NULL, line);
	} else {
		json_t *o = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(o) || !take_build_event(j, o))
			event_log_add_output(j->log, "build", NULL, line);
		json_decref(o);
	}
	engine_wake(j->engine);
}

static int check_plan(struct job *j, struct err *err)
{
	unsigned instances = 0;

	must(j->plan);
	for (size_t i = 0; i < j->plan->process_count; i++)
		instances += j->plan->processes[i].instances;
	if (instances > INSTANCES_MAX)
		return err_set(err, E2BIG, "the plan starts %u instances; the limit is %d",
			instances, INSTANCES_MAX);
	if (j->plan->process_count == 0 && j->plan->static_count == 0)
		return err_set(err, EINVAL,
			"the plan starts no process and serves no files; name a process in berth.yaml");
	return domains_check(j->engine, j->app, j->plan, err);
}

static void emit_plan(struct job *j)
{
	_cleanup_free_ char *text = plan_format(j->plan);
	json_t *plan = json_loads(text, 0, NULL);
	must(plan);
	job_emit(j, json_pack("{s:s, s:o}", "type", "plan", "plan", plan));
}

static void finish_build(struct job *j)
{
	struct engine *e = j->engine;
	_cleanup_free_ char *build_env =
		release_path(&e->paths, j->app, j->deploy.release, "build.env");
	struct err err = {0};

	(void)unlink(build_env);
	plan_free(take_ptr(j->plan));
	int r = release_read_plan(&e->paths, j->app, j->deploy.release, &j->plan, &err);
	if (r < 0) {
		(void)job_fail(j, EXIT_BUG, NULL, "the build left no plan: %s", err.msg);
		return;
	}
	if (j->deploy.kind == DEPLOY_PLAN) {
		emit_plan(j);
		job_post(j, DEPLOY_EVENT_DONE);
		return;
	}
	if (check_plan(j, &err) < 0)
		(void)job_fail(j, EXIT_SOURCE, NULL, "%s", err.msg);
	else if (job_write_release(j, &err) < 0)
		(void)job_fail(j, EXIT_APP, NULL, "%s", err.msg);
	else
		job_post(j, DEPLOY_EVENT_DONE);
}

static void fail_task(struct job *j, const struct task_result *result)
{
	bool is_build = j->task == TASK_BUILD;
	int code = is_build ? EXIT_BUILD : EXIT_RELEASE;
	const char *reason = result->reason[0] ? result->reason : "failed";

	if (result->timed_out)
		code = EXIT_TIMEOUT;
	else if (is_build &&
		 (result->exit_status == EXIT_SOURCE || result->exit_status == EXIT_BUG))
		code = result->exit_status;
	if (j->error[0] && !result->timed_out && !result->out_of_memory)
		(void)job_fail(j, code, j->hint[0] ? j->hint : NULL, "%s", j->error);
	else
		(void)job_fail(j, code,
			result->out_of_memory
				? "raise build.memory in berth.yaml or the agent's limit"
				: NULL,
			"%s: %s", is_build ? "the build" : "the release command", reason);
}

void work_on_task_done(void *data, const struct task_spec *task, const struct task_result *result)
{
	struct engine *e = data;
	struct job *j = find_task_job(e, task);

	if (!j)
		return;
	j->task_runs = false;
	if (task->kind == TASK_BUILD)
		e->builds--;
	engine_wake(e); /* another build may have its turn */
	if (j->deploy.state == DEPLOY_CLEANING)
		work_clean(j);
	else if (!result->ok)
		fail_task(j, result);
	else if (task->kind == TASK_BUILD)
		finish_build(j);
	else
		job_post(j, DEPLOY_EVENT_DONE);
}
