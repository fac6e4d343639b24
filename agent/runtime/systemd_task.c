/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks of the systemd runtime: hostd starts the unit and answers with the end of its output pipe.
 * A task is done when hostd has said so and the pipe is empty.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/runtime/release_volumes.h"
#include "agent/runtime/systemd.h"
#include "agent/runtime/task_output.h"
#include "lib/base/parse.h"

struct systemd_task {
	struct list link;
	struct systemd *owner;
	struct task_spec spec;
	struct task_output output;
	bool has_output, is_done, is_cancelled;
	struct task_result result;
};

static uint32_t wire_kind(const struct task_spec *spec)
{
	if (spec->kind == TASK_RELEASE_COMMAND)
		return HOSTD_RELEASE_COMMAND;
	return spec->plan_only ? HOSTD_PLAN : HOSTD_BUILD;
}

static struct hostd_request request_for(const struct task_spec *spec, enum hostd_verb verb)
{
	struct hostd_request r = {.verb = verb, .release = spec->release, .task = wire_kind(spec)};

	(void)!str_copy(r.app, sizeof r.app, str_from(spec->app));
	return r;
}

static struct systemd_task *find(
	struct systemd *s, const char *app, unsigned release, uint32_t kind)
{
	list_for_each (it, &s->tasks) {
		struct systemd_task *t = container_of(it, struct systemd_task, link);
		if (wire_kind(&t->spec) == kind && t->spec.release == release &&
			streq(t->spec.app, app))
			return t;
	}
	return NULL;
}

static void task_free(struct systemd_task *t)
{
	task_output_release(&t->output);
	list_remove(&t->link);
	free(t);
}

static void clean(struct systemd *s, const struct task_spec *spec)
{
	struct hostd_request r = request_for(spec, HOSTD_TASK_CLEAN);
	systemd_request(s, &r, -1);
}

static void finish_if_over(struct systemd_task *t)
{
	const struct runtime_callbacks callbacks = t->owner->rt.callbacks;
	const struct task_spec spec = t->spec;
	struct task_result result = t->result;

	if (!t->is_done || t->output.fd >= 0)
		return;
	if (t->is_cancelled) {
		result.ok = false;
		(void)snprintf(result.reason, sizeof result.reason, "was cancelled");
	}
	clean(t->owner, &spec);
	task_free(t);
	if (callbacks.on_task_done)
		callbacks.on_task_done(callbacks.data, &spec, &result);
}

static void on_line_of_task(void *data, struct str line)
{
	struct systemd_task *t = data;
	const struct runtime_callbacks *callbacks = &t->owner->rt.callbacks;

	if (callbacks->on_task_line)
		callbacks->on_task_line(callbacks->data, &t->spec, line);
}

static void on_output_end(void *data)
{
	finish_if_over(data);
}

void systemd_task_on_reply(struct systemd *s, const struct hostd_request *request,
	const struct hostd_message *m, int fd)
{
	struct systemd_task *t = find(s, request->app, request->release, request->task);

	if (!t || t->has_output || (m->code == 0 && fd < 0)) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (m->code != 0) {
		t->is_done = true;
		t->result = (struct task_result){.exit_status = -1};
		(void)snprintf(t->result.reason, sizeof t->result.reason, "%.120s", m->text);
		finish_if_over(t);
		return;
	}
	t->has_output = true;
	task_output_open(&t->output, fd);
}

static struct task_result result_of(const struct task_spec *spec, const struct hostd_message *m)
{
	struct task_result r = {
		.timed_out = m->timed_out,
		.out_of_memory = m->out_of_memory,
		.exit_status = m->exit_status,
	};
	char limit[32];

	r.ok = r.exit_status == 0 && !r.timed_out && !r.out_of_memory;
	if (r.out_of_memory && spec->memory_max > 0) {
		format_size(spec->memory_max, limit, sizeof limit);
		(void)snprintf(r.reason, sizeof r.reason, "ran out of memory (limit %s)", limit);
	} else if (r.timed_out && spec->timeout_ms > 0) {
		format_duration(spec->timeout_ms, limit, sizeof limit);
		(void)snprintf(r.reason, sizeof r.reason, "took longer than %s", limit);
	} else if (!r.ok) {
		(void)snprintf(r.reason, sizeof r.reason, "%.120s", m->text);
	}
	return r;
}

void systemd_task_on_done(struct systemd *s, const struct hostd_message *m)
{
	struct systemd_task *t = find(s, m->app, m->release, m->task);

	if (!t || t->is_done)
		return;
	t->is_done = true;
	t->result = result_of(&t->spec, m);
	finish_if_over(t);
}

int systemd_task_run(struct systemd *s, const struct task_spec *spec, struct err *err)
{
	struct hostd_request r = request_for(spec, HOSTD_TASK_RUN);
	struct release_volumes volumes = {0};

	if (find(s, spec->app, spec->release, r.task))
		return 0;
	r.code_release = spec->code_release ? spec->code_release : spec->release;
	r.memory_max = spec->memory_max;
	r.timeout_ms = spec->timeout_ms;
	if (spec->kind == TASK_RELEASE_COMMAND) {
		int e = release_read_volumes(s->state, spec->app, spec->release, &volumes, err);
		if (e < 0)
			return e;
		r.volume_count = volumes.count;
		memcpy(r.volumes, volumes.names, sizeof r.volumes);
	}
	struct systemd_task *t = xnew(struct systemd_task);
	t->owner = s;
	t->spec = *spec;
	task_output_init(&t->output, s->rt.loop, on_line_of_task, on_output_end, t);
	list_append(&s->tasks, &t->link);
	systemd_request(s, &r, -1);
	return 0;
}

int systemd_task_cancel(struct systemd *s, const struct task_spec *spec)
{
	struct hostd_request r = request_for(spec, HOSTD_TASK_CANCEL);
	struct systemd_task *t = find(s, spec->app, spec->release, r.task);

	if (t && !t->is_cancelled) {
		t->is_cancelled = true;
		systemd_request(s, &r, -1);
	}
	return 0;
}

void systemd_free_tasks(struct systemd *s)
{
	list_for_each_safe (it, &s->tasks)
		task_free(container_of(it, struct systemd_task, link));
}
