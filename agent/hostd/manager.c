/* SPDX-License-Identifier: Apache-2.0
 *
 * org.freedesktop.systemd1 by sd-bus: Manager.StartUnit, StopUnit, Reload, ResetFailedUnit;
 * Properties.GetAll of units; the signals JobRemoved and PropertiesChanged.
 */
#include "agent/hostd/manager.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "lib/base/list.h"
#include "lib/base/str.h"

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT_PATH "/org/freedesktop/systemd1/unit"
#define TIMEOUT_US 25000000ull

struct manager {
	sd_bus *bus;
	struct manager_callbacks callbacks;
	struct list jobs;
};

/* One call that is under way, or a job that has not ended. */
struct job {
	struct list link;
	struct manager *manager;
	char *unit;
	on_job on_job;
	on_status on_status;
	void *data;
	sd_bus_slot *slot;
};

static struct job *job_new(struct manager *m, const char *unit, void *data)
{
	struct job *job = xnew(struct job);

	job->manager = m;
	job->unit = xstrdup(unit);
	job->data = data;
	list_append(&m->jobs, &job->link);
	return job;
}

static void job_free(struct job *job)
{
	list_remove(&job->link);
	(void)sd_bus_slot_unref(job->slot);
	free(job->unit);
	free(job);
}

static void job_end(struct job *job, bool ok)
{
	if (job->on_job)
		job->on_job(job->data, job->unit, ok);
	job_free(job);
}

static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct manager *m = data;
	const char *path, *unit, *result;
	uint32_t id;
	(void)error;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	list_for_each_safe (it, &m->jobs) {
		struct job *job = container_of(it, struct job, link);
		/* While `slot` is set the answer that names the job has not come. */
		if (job->on_job && !job->slot && streq(job->unit, unit))
			job_end(job, streq(result, "done"));
	}
	return 0;
}

static int on_properties_changed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct manager *m = data;
	_cleanup_free_ char *unit = NULL;
	(void)error;

	if (sd_bus_path_decode(sd_bus_message_get_path(message), UNIT_PATH, &unit) > 0 &&
		(has_prefix(unit, "berth-app-") || has_prefix(unit, "berth-task-")))
		m->callbacks.on_change(m->callbacks.data, unit);
	return 0;
}

int manager_new(struct sd_event *event, const struct manager_callbacks *callbacks,
	struct manager **ret, struct err *err)
{
	struct manager *m = xnew(struct manager);

	m->callbacks = *callbacks;
	list_init(&m->jobs);
	int r = sd_bus_open_system(&m->bus);
	if (r >= 0)
		r = sd_bus_attach_event(m->bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal(m->bus, NULL, DESTINATION, MANAGER_PATH, MANAGER,
			"JobRemoved", on_job_removed, m);
	if (r >= 0)
		r = sd_bus_add_match(m->bus, NULL,
			"type='signal',sender='" DESTINATION "',path_namespace='" UNIT_PATH "',"
			"interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
			on_properties_changed, m);
	if (r >= 0)
		r = sd_bus_call_method(
			m->bus, DESTINATION, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, NULL);
	if (r < 0) {
		manager_free(m);
		return err_errno(err, -r, "cannot talk to systemd over the system bus");
	}
	*ret = m;
	return 0;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	list_for_each_safe (it, &m->jobs)
		job_free(container_of(it, struct job, link));
	(void)sd_bus_flush_close_unref(m->bus);
	free(m);
}

static int on_job_accepted(sd_bus_message *reply, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const sd_bus_error *e = sd_bus_message_get_error(reply);
	(void)error;

	job->slot = sd_bus_slot_unref(job->slot);
	if (e)
		job_end(job, false);
	return 0;
}

int manager_job(struct manager *m, const char *verb, const char *unit, on_job done, void *data)
{
	struct job *job = job_new(m, unit, data);

	job->on_job = done;
	int r = sd_bus_call_method_async(m->bus, &job->slot, DESTINATION, MANAGER_PATH, MANAGER,
		verb, on_job_accepted, job, "ss", unit, "replace");
	if (r < 0)
		job_free(job);
	return r;
}

static int on_reloaded(sd_bus_message *reply, void *data, sd_bus_error *error)
{
	(void)error;
	job_end(data, !sd_bus_message_is_method_error(reply, NULL));
	return 0;
}

int manager_reload(struct manager *m, const char *unit, on_job done, void *data)
{
	struct job *job = job_new(m, unit, data);

	job->on_job = done;
	int r = sd_bus_call_method_async(m->bus, &job->slot, DESTINATION, MANAGER_PATH, MANAGER,
		"Reload", on_reloaded, job, NULL);
	if (r < 0)
		job_free(job);
	return r;
}

void manager_forget(struct manager *m, const char *unit)
{
	(void)sd_bus_call_method_async(m->bus, NULL, DESTINATION, MANAGER_PATH, MANAGER,
		"ResetFailedUnit", NULL, NULL, "s", unit);
}

static void read_text(sd_bus_message *m, char *to, size_t size)
{
	const char *text;

	if (sd_bus_message_read(m, "v", "s", &text) >= 0)
		(void)!str_copy(to, size, str_from(text));
}

static uint64_t read_number(sd_bus_message *m)
{
	uint64_t value = 0;

	(void)sd_bus_message_read(m, "v", "t", &value);
	return value;
}

static void read_property(sd_bus_message *m, const char *name, struct unit_status *s)
{
	uint32_t restarts = 0;

	if (streq(name, "ActiveState")) {
		read_text(m, s->active, sizeof s->active);
	} else if (streq(name, "SubState")) {
		read_text(m, s->sub, sizeof s->sub);
	} else if (streq(name, "NRestarts")) {
		(void)sd_bus_message_read(m, "v", "u", &restarts);
		s->restarts = restarts;
	} else if (streq(name, "ExecMainStartTimestamp")) {
		s->since_ms = (int64_t)(read_number(m) / 1000);
	} else if (streq(name, "MemoryCurrent")) {
		uint64_t bytes = read_number(m);
		s->memory_bytes = bytes == UINT64_MAX ? 0 : bytes;
	} else {
		(void)sd_bus_message_skip(m, "v");
	}
}

static int on_properties(sd_bus_message *reply, void *data, sd_bus_error *error)
{
	struct job *job = data;
	struct unit_status status = {0};
	const char *name;
	(void)error;

	bool ok = !sd_bus_message_is_method_error(reply, NULL) &&
		  sd_bus_message_enter_container(reply, 'a', "{sv}") > 0;
	while (ok && sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ok = sd_bus_message_read(reply, "s", &name) > 0;
		if (ok)
			read_property(reply, name, &status);
		ok = ok && sd_bus_message_exit_container(reply) >= 0;
	}
	job->on_status(job->data, job->unit, ok && status.active[0] ? &status : NULL);
	job_free(job);
	return 0;
}

int manager_status(struct manager *m, const char *unit, on_status done, void *data)
{
	_cleanup_free_ char *path = NULL;

	int r = sd_bus_path_encode(UNIT_PATH, unit, &path);
	if (r < 0)
		return r;
	struct job *job = job_new(m, unit, data);
	job->on_status = done;
	r = sd_bus_call_method_async(m->bus, &job->slot, DESTINATION, path,
		"org.freedesktop.DBus.Properties", "GetAll", on_properties, job, "s", "");
	if (r < 0)
		job_free(job);
	return r;
}
