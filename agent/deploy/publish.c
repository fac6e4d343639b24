/* SPDX-License-Identifier: Apache-2.0
 *
 * Live releases and their hosts, and the table that is made of them. One app's broken release file or
 * odd domain leaves that app or domain out; the others are published all the same.
 */
#include "agent/deploy/publish.h"

#include <errno.h>

#include "agent/deploy/instances.h"
#include "agent/deploy/release_files.h"
#include "agent/deploy/run.h"
#include "agent/deploy/table.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

struct live *live_get(struct engine *e, const char *app)
{
	return map_get(&e->lives, str_from(app));
}

static void live_free(struct live *l)
{
	if (!l)
		return;
	plan_free(l->plan);
	free(l);
}

void live_set(struct engine *e, const char *app, unsigned release, unsigned code_release,
	struct plan *plan)
{
	if (release == 0) {
		live_free(map_remove(&e->lives, str_from(app)));
		return;
	}
	struct live *l = xnew(struct live);
	copy_name(l->app, sizeof l->app, app);
	l->release = release;
	l->code_release = code_release;
	l->plan = plan;
	live_free(map_set(&e->lives, str_from(app), l));
}

int live_load(struct engine *e, const char *app, unsigned release, struct err *err)
{
	struct plan *plan = NULL;
	unsigned code_release = 0;

	live_set(e, app, 0, 0, NULL);
	if (release == 0)
		return 0;
	int r = release_load(&e->paths, app, release, &plan, &code_release, err);
	if (r == 0)
		live_set(e, app, release, code_release, plan);
	return r;
}

void lives_free(struct engine *e)
{
	map_for_each (it, &e->lives)
		live_free(it->value);
	map_free(&e->lives);
}

void default_host(const struct engine *e, const char *app, char to[IDENT_DOMAIN_MAX + 1])
{
	(void)snprintf(to, IDENT_DOMAIN_MAX + 1, "%s.%s", app, e->config.base_domain);
}

/* Hosts that are somebody's without being in the store: the API's, and every app's default one. */
static int check_reserved(
	const struct engine *e, const char *app, const char *domain, struct err *err)
{
	size_t n = strlen(domain), base = strlen(e->config.base_domain);

	if (streq(domain, e->config.admin_host))
		return err_set(err, EEXIST, "the domain %s is the agent's own", domain);
	if (n <= base + 1 || domain[n - base - 1] != '.' ||
		!has_suffix(domain, e->config.base_domain))
		return 0;
	_cleanup_free_ char *label = xstrndup(domain, n - base - 1);
	if (streq(label, app) || ident_check_app(label, NULL) < 0)
		return 0;
	return err_set(
		err, EEXIST, "the domain %s is the default name of an app named %s", domain, label);
}

int engine_check_domain(
	const struct engine *e, const char *app, const char *domain, struct err *err)
{
	struct domain_row *rows = NULL;
	size_t count = 0;
	int r = ident_check_domain(domain, true, err);

	if (r == 0)
		r = check_reserved(e, app, domain, err);
	if (r == 0)
		r = store_domain_list(e->store, NULL, &rows, &count, err);
	for (size_t i = 0; i < count && r == 0; i++)
		if (streq(rows[i].domain, domain) && !streq(rows[i].app, app))
			r = err_set(err, EEXIST,
				"the domain %s belongs to the app %s; remove it there first",
				domain, rows[i].app);
	free(rows);
	return r;
}

int domains_check(struct engine *e, const char *app, const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->domain_count; i++) {
		int r = engine_check_domain(e, app, plan->domains[i], err);
		if (r < 0)
			return err_wrap(err, "berth.yaml, domains");
	}
	return 0;
}

static bool plan_has_domain(const struct plan *plan, const char *domain)
{
	for (size_t i = 0; i < plan->domain_count; i++)
		if (streq(plan->domains[i], domain))
			return true;
	return false;
}

int domains_sync(struct engine *e, const char *app, const struct plan *plan, struct err *err)
{
	_cleanup_free_ struct domain_row *rows = NULL;
	char own[IDENT_DOMAIN_MAX + 1];
	size_t count = 0;
	int r = store_domain_list(e->store, app, &rows, &count, err);

	default_host(e, app, own);
	for (size_t i = 0; i < count && r == 0; i++)
		if (rows[i].from_manifest && !plan_has_domain(plan, rows[i].domain))
			r = store_domain_remove(e->store, app, rows[i].domain, err);
	for (size_t i = 0; i < plan->domain_count && r == 0; i++)
		if (!streq(plan->domains[i], own))
			r = store_domain_add(e->store, app, plan->domains[i], true, err);
	return r;
}

void primary_host(
	struct engine *e, const char *app, const struct plan *plan, char to[IDENT_DOMAIN_MAX + 1])
{
	_cleanup_free_ struct domain_row *rows = NULL;
	const struct live *live = live_get(e, app);
	size_t count = 0;

	if (!plan && live)
		plan = live->plan;
	default_host(e, app, to);
	for (size_t i = 0; plan && i < plan->domain_count; i++)
		if (plan->domains[i][0] != '*') {
			copy_name(to, IDENT_DOMAIN_MAX + 1, plan->domains[i]);
			return;
		}
	if (store_domain_list(e->store, app, &rows, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (rows[i].domain[0] != '*') {
			copy_name(to, IDENT_DOMAIN_MAX + 1, rows[i].domain);
			return;
		}
}

#define REPUBLISH_S 5.

/* What table_build() borrows for one app. */
struct site_parts {
	char host[IDENT_DOMAIN_MAX + 1];
	const char **hosts;
	char **addresses;
	size_t address_count;
};

static void site_parts_clear(struct site_parts *p)
{
	for (size_t i = 0; i < p->address_count; i++)
		free(p->addresses[i]);
	free(p->addresses);
	free(p->hosts);
}

static void collect_hosts(struct engine *e, const struct live *live,
	const struct domain_row *domains, size_t count, struct site_parts *p, struct table_app *to)
{
	struct err err = {0};

	p->hosts = xcalloc(count + 1, sizeof *p->hosts);
	default_host(e, live->app, p->host);
	p->hosts[to->host_count++] = p->host;
	for (size_t i = 0; i < count; i++) {
		if (!streq(domains[i].app, live->app) || streq(domains[i].domain, p->host))
			continue;
		if (check_reserved(e, live->app, domains[i].domain, &err) < 0)
			log_warn("routes.domain_left_out", "app=%s error=%s", live->app, err.msg);
		else
			p->hosts[to->host_count++] = domains[i].domain;
	}
	to->hosts = p->hosts;
}

static void collect_addresses(
	struct engine *e, const struct live *live, struct site_parts *p, struct table_app *to)
{
	const struct plan_process *web = table_web_process(live->plan);

	list_for_each (it, &e->instances) {
		const struct instance *i = container_of(it, struct instance, link);
		const struct instance_id *id = &i->spec.id;
		char address[RUNTIME_ADDRESS_MAX];
		if (!web || id->release != live->release || !streq(id->app, live->app) ||
			!streq(id->process, web->name))
			continue;
		runtime_address(&e->paths, &i->spec, address);
		p->addresses = xrealloc(p->addresses, p->address_count + 1, sizeof *p->addresses);
		p->addresses[p->address_count++] = xstrdup(address);
	}
	to->addresses = (const char *const *)p->addresses;
	to->address_count = p->address_count;
}

static int build_table(struct engine *e, struct routes **ret, struct err *err)
{
	_cleanup_free_ struct domain_row *domains = NULL;
	size_t domain_count = 0, count = 0;
	int r = store_domain_list(e->store, NULL, &domains, &domain_count, err);

	if (r < 0)
		return r;
	_cleanup_free_ struct table_app *apps = xcalloc(map_count(&e->lives) + 1, sizeof *apps);
	_cleanup_free_ struct site_parts *parts = xcalloc(map_count(&e->lives) + 1, sizeof *parts);
	map_for_each (it, &e->lives) {
		const struct live *live = it->value;
		apps[count] = (struct table_app){.name = live->app,
			.release = live->release,
			.code_release = live->code_release,
			.plan = live->plan};
		collect_hosts(e, live, domains, domain_count, &parts[count], &apps[count]);
		collect_addresses(e, live, &parts[count], &apps[count]);
		count++;
	}
	r = table_build(&e->paths, apps, count, ret, err);
	for (size_t i = 0; i < count; i++)
		site_parts_clear(&parts[i]);
	return r;
}

/* A question to the edge: the job is found again by its id, and only in the state that asked. */
struct ticket {
	struct list link;
	struct engine *engine;
	uint64_t job; /* 0: nobody waits */
	unsigned generation;
	void (*on_published)(struct job *j, int result, const struct err *err);
	void (*on_counts)(struct job *j, int result, const struct edge_counts *counts);
};

static struct ticket *ticket_new(struct engine *e, const struct job *j)
{
	struct ticket *t = xnew(struct ticket);

	t->engine = e;
	t->job = j ? j->deploy.id : 0;
	t->generation = j ? j->generation : 0;
	list_append(&e->tickets, &t->link);
	return t;
}

static struct job *ticket_redeem(struct ticket *t)
{
	struct job *j = t->job ? engine_find_job(t->engine, t->job) : NULL;
	return j && j->generation == t->generation ? j : NULL;
}

static void ticket_free(struct ticket *t)
{
	list_remove(&t->link);
	free(t);
}

void tickets_free(struct engine *e)
{
	list_for_each_safe (it, &e->tickets)
		ticket_free(container_of(it, struct ticket, link));
}

static void on_edge_published(void *data, int result, const struct err *err)
{
	struct ticket *t = data;
	struct job *j = ticket_redeem(t);

	if (result < 0)
		log_warn("routes.not_published", "error=%s", err ? err->msg : "");
	if (j && t->on_published)
		t->on_published(j, result, err);
	ticket_free(t);
}

int publish_table(struct engine *e, struct job *j,
	void (*on_done)(struct job *j, int result, const struct err *err), struct err *err)
{
	struct routes *table = NULL;
	int r = build_table(e, &table, err);

	if (r < 0)
		return r;
	struct ticket *t = ticket_new(e, j);
	t->on_published = on_done;
	r = edge_publish(e->edge, table, on_edge_published, t, err);
	if (r < 0)
		ticket_free(t);
	return r;
}

static void on_edge_counts(void *data, int result, const struct edge_counts *counts)
{
	struct ticket *t = data;
	struct job *j = ticket_redeem(t);

	if (j)
		t->on_counts(j, result, counts);
	ticket_free(t);
}

int ask_counts(struct job *j, unsigned release,
	void (*on_counts)(struct job *j, int result, const struct edge_counts *counts))
{
	struct ticket *t = ticket_new(j->engine, j);

	t->on_counts = on_counts;
	int r = edge_counts(j->engine->edge, j->app, release, on_edge_counts, t);
	if (r < 0)
		ticket_free(t);
	return r;
}

int engine_publish(struct engine *e, struct err *err)
{
	return publish_table(e, NULL, NULL, err);
}

void on_republish(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct engine *e = container_of(timer, struct engine, republish);
	(void)loop;
	(void)events;
	publish_until_done(e);
}

void publish_until_done(struct engine *e)
{
	struct err err = {0};

	ev_timer_stop(e->loop, &e->republish);
	if (engine_publish(e, &err) == 0)
		return;
	log_error("routes.not_published", "error=%s", err.msg);
	ev_timer_set(&e->republish, REPUBLISH_S, 0.);
	ev_timer_start(e->loop, &e->republish);
}
