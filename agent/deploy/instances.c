/* SPDX-License-Identifier: Apache-2.0
 *
 * The instances that the engine asked for: kept here and in the store, with their ports, from before
 * their start until they are known to be gone.
 */
#include "agent/deploy/instances.h"

#include <errno.h>
#include <jansson.h>

#include "agent/deploy/run.h"
#include "agent/deploy/work.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/data/json.h"

static bool is_same(const struct instance_id *a, const struct instance_id *b)
{
	return a->release == b->release && a->index == b->index && streq(a->app, b->app) &&
	       streq(a->process, b->process);
}

static bool is_of(const struct instance *i, const char *app, unsigned release)
{
	return i->spec.id.release == release && streq(i->spec.id.app, app);
}

struct instance *instance_find(struct engine *e, const struct instance_id *id)
{
	list_for_each (it, &e->instances) {
		struct instance *i = container_of(it, struct instance, link);
		if (is_same(&i->spec.id, id))
			return i;
	}
	return NULL;
}

static void forget(struct instance *i)
{
	list_remove(&i->link);
	free(i);
}

static struct instance *remember(struct engine *e, const struct instance_spec *spec)
{
	struct instance *i = xnew(struct instance);

	i->spec = *spec;
	i->status.id = spec->id;
	i->status.state = INSTANCE_STARTING;
	list_append(&e->instances, &i->link);
	return i;
}

static struct instance_row row_of(const struct instance_spec *spec)
{
	struct instance_row row = {
		.release = spec->id.release, .index = spec->id.index, .port = spec->port};

	copy_name(row.app, sizeof row.app, spec->id.app);
	copy_name(row.process, sizeof row.process, spec->id.process);
	return row;
}

static bool is_port_taken(void *data, unsigned port)
{
	struct engine *e = data;

	list_for_each (it, &e->instances)
		if (container_of(it, struct instance, link)->spec.port == port)
			return true;
	return false;
}

static struct instance_spec make_spec(const char *app, unsigned release, unsigned code_release,
	const struct plan_process *p, unsigned index)
{
	struct instance_spec spec = {
		.id = {.release = release, .index = index},
		.listens = p->listens,
		.memory_max = p->memory_max,
		.stop_timeout_ms = p->stop_timeout_ms,
		.code_release = code_release,
	};
	copy_name(spec.id.app, sizeof spec.id.app, app);
	copy_name(spec.id.process, sizeof spec.id.process, p->name);
	return spec;
}

/* The port it had, unless it does not run and somebody else listens there by now. */
static int give_port(struct engine *e, struct instance_spec *spec, const struct instance *known,
	const struct plan_process *p, struct err *err)
{
	if (!p->listens || p->unix_socket)
		return 0;
	if (known && known->spec.port > 0 && (known->known || port_is_free(known->spec.port))) {
		spec->port = known->spec.port;
		return 0;
	}
	return ports_pick(&e->ports, is_port_taken, e, &spec->port, err);
}

static int start_one(
	struct engine *e, struct instance_spec *spec, const struct plan_process *p, struct err *err)
{
	struct instance *i = instance_find(e, &spec->id);
	int r = give_port(e, spec, i, p, err);

	if (r < 0)
		return r;
	const struct instance_row row = row_of(spec);
	r = store_instance_put(e->store, &row, err);
	if (r < 0)
		return r;
	if (!i)
		i = remember(e, spec);
	i->spec = *spec;
	i->stopping = false;
	return e->runtime->ops->start(e->runtime, spec, err);
}

int instances_start(struct engine *e, const char *app, unsigned release, unsigned code_release,
	const struct plan *plan, struct err *err)
{
	for (size_t n = 0; n < plan->process_count; n++) {
		const struct plan_process *p = &plan->processes[n];
		for (unsigned index = 1; index <= p->instances; index++) {
			struct instance_spec spec = make_spec(app, release, code_release, p, index);
			int r = start_one(e, &spec, p, err);
			if (r < 0)
				return err_wrap(err, "cannot start %s.%u", p->name, index);
		}
	}
	return 0;
}

bool instances_exist(struct engine *e, const char *app, unsigned release)
{
	list_for_each (it, &e->instances)
		if (is_of(container_of(it, struct instance, link), app, release))
			return true;
	return false;
}

bool instances_stop(struct engine *e, const char *app, unsigned release)
{
	struct err err = {0};

	list_for_each_safe (it, &e->instances) {
		struct instance *i = container_of(it, struct instance, link);
		if (!is_of(i, app, release) || i->stopping)
			continue;
		i->stopping = true;
		if (e->runtime->ops->stop(e->runtime, &i->spec.id, &err) < 0)
			log_warn("instance.stop", "app=%s release=%u error=%s", app, release,
				err.msg);
	}
	return !instances_exist(e, app, release);
}

void instances_forget(struct engine *e, const char *app, unsigned release)
{
	list_for_each_safe (it, &e->instances) {
		struct instance *i = container_of(it, struct instance, link);
		if (!is_of(i, app, release))
			continue;
		const struct instance_row row = row_of(&i->spec);
		(void)store_instance_remove(e->store, &row, NULL);
		forget(i);
	}
}

int instances_load(struct engine *e, struct err *err)
{
	_cleanup_free_ struct instance_row *rows = NULL;
	size_t count = 0;
	int r = store_instance_list(e->store, NULL, &rows, &count, err);

	for (size_t n = 0; n < count && r == 0; n++) {
		struct instance_spec spec = {
			.id = {.release = rows[n].release, .index = rows[n].index},
			.port = rows[n].port,
		};
		copy_name(spec.id.app, sizeof spec.id.app, rows[n].app);
		copy_name(spec.id.process, sizeof spec.id.process, rows[n].process);
		(void)remember(e, &spec);
	}
	return r;
}

void instances_free(struct engine *e)
{
	list_for_each_safe (it, &e->instances)
		forget(container_of(it, struct instance, link));
}

void instances_on_change(void *data, const struct instance_status *status)
{
	struct engine *e = data;
	struct instance *i = instance_find(e, &status->id);

	if (!i)
		return;
	bool crashed = status->state == INSTANCE_RESTARTING || status->state == INSTANCE_FAILED;
	/* The same crash may be reported twice; it counts once. */
	bool is_news = !i->known || i->status.state != status->state ||
		       i->status.restarts != status->restarts;
	i->status = *status;
	i->known = true;
	if (i->stopping || !is_news)
		return;
	if (crashed)
		log_warn("instance.crashed", "app=%s release=%u process=%s.%u reason=%s",
			status->id.app, status->id.release, status->id.process, status->id.index,
			status->reason);
	struct job *j = engine_find_release_job(e, status->id.app, status->id.release);
	if (j && (j->deploy.state == DEPLOY_STARTING || j->deploy.state == DEPLOY_CHECKING))
		work_start_on_change(j, status);
	else if (j && j->deploy.state == DEPLOY_GUARDING)
		work_guard_on_change(j, status);
}

void instances_on_stopped(void *data, const struct instance_id *id)
{
	struct engine *e = data;
	struct instance *i = instance_find(e, id);
	struct err err = {0};

	if (!i || !i->stopping)
		return;
	const struct instance_row row = row_of(&i->spec);
	if (store_instance_remove(e->store, &row, &err) < 0)
		log_warn("instance.forget", "error=%s", err.msg);
	forget(i);
	if (!instances_exist(e, id->app, id->release))
		engine_on_release_stopped(e, id->app, id->release);
}

static void refresh(void *data, const struct instance_status *status)
{
	struct instance *i = instance_find(data, &status->id);

	if (i) {
		i->status = *status;
		i->known = true;
	}
}

static json_t *describe(const struct engine *e, const struct instance *i)
{
	static const char *const names[] = {
		[INSTANCE_STARTING] = "starting",
		[INSTANCE_RUNNING] = "running",
		[INSTANCE_RESTARTING] = "restarting",
		[INSTANCE_FAILED] = "failed",
	};
	const struct instance_status *s = &i->status;
	char address[RUNTIME_ADDRESS_MAX] = "", since[CLOCK_RFC3339_SIZE];

	if (i->spec.listens)
		runtime_address(&e->paths, &i->spec, address);
	clock_format_rfc3339(s->since_ms, since);
	json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:i, s:I}", "name", s->id.process, "index",
		(int)s->id.index, "release", (int)s->id.release, "state",
		i->stopping ? "stopping" : names[s->state], "restarts", (int)s->restarts, "memory",
		(json_int_t)s->memory_bytes);
	must(o);
	(void)json_object_set_new(o, "since", s->since_ms > 0 ? json_string(since) : json_null());
	(void)json_object_set_new(o, "address", address[0] ? json_string(address) : json_null());
	(void)json_object_set_new(o, "reason", event_text(s->reason));
	return o;
}

char *engine_processes(struct engine *e, const char *app)
{
	json_t *list = json_array();

	/* Fresh numbers; when the runtime cannot say, the last ones. */
	if (e->runtime)
		(void)e->runtime->ops->list(e->runtime, refresh, e, NULL);
	list_for_each (it, &e->instances) {
		const struct instance *i = container_of(it, struct instance, link);
		if (streq(i->spec.id.app, app))
			(void)json_array_append_new(list, describe(e, i));
	}
	json_t *root = json_pack("{s:o}", "processes", list);
	must(root);
	char *text = json_line(root);
	json_decref(root);
	return text;
}
