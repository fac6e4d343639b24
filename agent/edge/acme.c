/* SPDX-License-Identifier: Apache-2.0
 *
 * The issuer that asks a CA on the network (RFC 8555), for names that strangers can have looked up.
 * All other names, and those whose order is under way or fails, are the local CA's. Must not be
 * asked for anything but hosts of the route table.
 */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <sys/random.h>

#include "agent/edge/acme_child.h"
#include "agent/edge/barrier.h"
#include "agent/edge/schedule.h"
#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/ipc/routes.h"
#include "lib/sys/file.h"

#define ORDERS_MAX 4
#define WAKE_MAX_S 3600.

struct acme {
	struct issuer issuer;
	struct ev_loop *loop;
	struct acme_config config; /* its texts are ours */
	struct issuer *local;
	struct schedule *schedule;
	struct list orders;
	unsigned order_count;
	struct ev_timer wake;
};

struct order {
	struct list link;
	struct acme *acme;
	struct certs *certs;
	struct acme_child *child;
	struct barrier *served; /* until the proxy has the challenge */
	char *host, *token, *key_authorization; /* NULL: none yet */
};

static struct acme *acme_of(struct issuer *i)
{
	return container_of(i, struct acme, issuer);
}

static void order_free(struct order *o)
{
	list_remove(&o->link);
	o->acme->order_count--;
	barrier_cancel(o->served);
	acme_child_free(o->child);
	free(o->host);
	free(o->token);
	free(o->key_authorization);
	free(o);
}

/* Can a CA on the internet look the name up? Names that are reserved (RFC 6761, RFC 6762, RFC 8375),
 * single labels and wildcards (HTTP-01 cannot prove them) are the local CA's. */
static bool is_public(const char *host)
{
	static const char *const reserved[] = {".localhost", ".local", ".internal", ".test",
		".example", ".invalid", ".home.arpa", ".onion", ".lan"};

	if (has_prefix(host, "*.") || !strchr(host, '.'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (has_suffix(host, reserved[i]))
			return false;
	return true;
}

static struct order *find_order(struct acme *a, const char *host)
{
	list_for_each (it, &a->orders) {
		struct order *o = container_of(it, struct order, link);
		if (streq(o->host, host))
			return o;
	}
	return NULL;
}

static void set_wake(struct acme *a)
{
	int64_t now_ms = clock_wall_ms(), at_ms = schedule_wake_ms(a->schedule, now_ms);
	double seconds = (double)(at_ms - now_ms) / 1000. + 0.1;

	ev_timer_stop(a->loop, &a->wake);
	if (at_ms == 0)
		return;
	ev_timer_set(&a->wake, seconds < WAKE_MAX_S ? seconds : WAKE_MAX_S, 0.);
	ev_timer_start(a->loop, &a->wake);
}

static void on_wake(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct acme *a = w->data;

	(void)loop;
	(void)events;
	set_wake(a);
	a->issuer.on_due(a->issuer.data);
}

static void note_failure(struct acme *a, const char *host, const struct acme_outcome *outcome)
{
	struct schedule_failure failure = {.words = outcome->words,
		.retry_after_s = outcome->retry_after_s,
		.is_validation = outcome->is_validation};
	struct err err;

	if (getrandom(&failure.random, sizeof failure.random, GRND_NONBLOCK) < 0)
		failure.random = (unsigned)clock_monotonic_ms();
	if (schedule_failed(a->schedule, host, &failure, clock_wall_ms(), &err) < 0)
		log_warn("acme.schedule", "error=\"%s\"", err.msg);
	set_wake(a);
}

static void note_success(struct acme *a, const char *host, const struct x509_info *info)
{
	int64_t lifetime_ms = info->not_after_ms - info->not_before_ms;
	struct err err;

	if (schedule_issued(a->schedule, host, lifetime_ms, clock_wall_ms(), &err) < 0)
		log_warn("acme.schedule", "error=\"%s\"", err.msg);
	set_wake(a);
}

/* Whatever a CA sends is looked at before it takes the place of what works. */
static int install(struct order *o, struct acme_outcome *outcome, struct err *err)
{
	struct x509_info info;

	if (!outcome->pair.chain_pem)
		return err_set(err, EPROTO, "%s", outcome->words);
	int r = x509_check_chain(&outcome->pair, o->host, clock_wall_ms(), &info, err);
	if (r == 0)
		r = certs_store(o->certs, o->host, &outcome->pair, err);
	if (r < 0)
		(void)snprintf(outcome->words, sizeof outcome->words, "%s", err->msg);
	else
		note_success(o->acme, o->host, &info);
	return r;
}

static void on_end(void *data, struct acme_outcome *outcome)
{
	struct order *o = data;
	struct acme *a = o->acme;
	_cleanup_free_ char *host = xstrdup(o->host);
	struct err err;
	int r = install(o, outcome, &err);

	if (r < 0)
		note_failure(a, host, outcome);
	order_free(o);
	a->issuer.on_issued(a->issuer.data, host, r, &err);
}

static void on_served(void *data, int result)
{
	struct order *o = data;

	o->served = NULL;
	acme_child_ready(o->child, result == 0);
}

static void on_challenge(void *data, const char *token, const char *key_authorization)
{
	struct order *o = data;
	struct acme *a = o->acme;

	free(o->token);
	free(o->key_authorization);
	o->token = xstrdup(token);
	o->key_authorization = xstrdup(key_authorization);
	barrier_cancel(o->served);
	o->served = a->issuer.publish(a->issuer.data, on_served, o);
	if (!o->served)
		acme_child_ready(o->child, false);
}

static void start_order(struct acme *a, struct certs *certs, const char *host)
{
	struct acme_outcome outcome = {0};
	struct order *o = xnew(struct order);
	const struct acme_child_events events = {
		.on_challenge = on_challenge, .on_end = on_end, .data = o};
	struct err err;

	o->acme = a;
	o->certs = certs;
	o->host = xstrdup(host);
	list_append(&a->orders, &o->link);
	a->order_count++;
	if (acme_child_new(a->loop, &a->config, host, &events, &o->child, &err) == 0) {
		log_info("acme.order", "host=%s directory=%s", host, a->config.directory);
		return;
	}
	log_warn("acme.order", "host=%s error=\"%s\"", host, err.msg);
	(void)snprintf(outcome.words, sizeof outcome.words, "%s", err.msg);
	note_failure(a, host, &outcome);
	order_free(o);
}

static int acme_request(struct issuer *i, struct certs *certs, const char *host, struct err *err)
{
	struct acme *a = acme_of(i);
	const struct issuer_ops *local = a->local->ops;
	int64_t now_ms = clock_wall_ms();
	struct x509_info info;
	int r = 0;

	if (!is_public(host))
		return local->request(a->local, certs, host, err);
	/* A site is never without one: until the CA's is there, and for as long as it is not. */
	if (certs_find(certs, host, &info) < 0 ||
		(local->is_local(a->local, &info) && x509_is_due(&info, now_ms)))
		r = local->request(a->local, certs, host, err);
	if (a->order_count < ORDERS_MAX && !find_order(a, host) &&
		schedule_may_order(a->schedule, host, now_ms))
		start_order(a, certs, host);
	return r;
}

static int acme_renew(struct issuer *i, struct certs *certs, const char *host, struct err *err)
{
	struct acme *a = acme_of(i);
	char until[CLOCK_RFC3339_SIZE];

	if (!is_public(host))
		return a->local->ops->request(a->local, certs, host, err);
	int64_t limit_ms = schedule_limited_until_ms(a->schedule, host, clock_wall_ms());
	clock_format_rfc3339(limit_ms, until);
	if (limit_ms > 0)
		return err_set(err, EBUSY,
			"%s failed five times within an hour, which is what CAs allow: not before "
			"%s",
			host, until);
	if (find_order(a, host))
		return 0;
	if (a->order_count >= ORDERS_MAX)
		return err_set(
			err, EBUSY, "%d orders are under way: try again in a minute", ORDERS_MAX);
	start_order(a, certs, host);
	return 0;
}

static void acme_describe(struct issuer *i, const char *host, struct issuer_state *ret)
{
	struct acme *a = acme_of(i);
	const struct schedule_entry *e = schedule_get(a->schedule, host);

	*ret = (struct issuer_state){.is_ordering = find_order(a, host) != NULL, .error = ""};
	if (e && e->failures > 0) {
		ret->error = e->error;
		ret->retry_ms = e->next_ms;
	}
}

static bool acme_is_local(struct issuer *i, const struct x509_info *info)
{
	struct acme *a = acme_of(i);
	return a->local->ops->is_local(a->local, info);
}

static bool acme_accepts(struct issuer *i, const char *host, const struct x509_info *info)
{
	return is_public(host) != acme_is_local(i, info);
}

static int acme_add_challenges(struct issuer *i, struct routes *table)
{
	struct acme *a = acme_of(i);

	table->challenges = arena_alloc(&table->arena, ORDERS_MAX * sizeof *table->challenges);
	if (!table->challenges)
		return -ENOBUFS;
	list_for_each (it, &a->orders) {
		const struct order *o = container_of(it, struct order, link);
		if (!o->token)
			continue;
		struct challenge *c = &table->challenges[table->challenge_count++];
		c->host = arena_dup(&table->arena, str_from(o->host));
		c->token = arena_dup(&table->arena, str_from(o->token));
		c->key_authorization = arena_dup(&table->arena, str_from(o->key_authorization));
		if (!c->host || !c->token || !c->key_authorization)
			return -ENOBUFS;
	}
	return 0;
}

static void acme_free(struct issuer *i)
{
	struct acme *a = acme_of(i);
	const char *const texts[] = {a->config.directory, a->config.email, a->config.eab_kid,
		a->config.eab_key_file, a->config.ca_file, a->config.dir, a->config.account_dir,
		a->config.program};

	ev_timer_stop(a->loop, &a->wake);
	list_for_each_safe (it, &a->orders)
		order_free(container_of(it, struct order, link));
	schedule_free(a->schedule);
	if (a->local)
		a->local->ops->free(a->local);
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		free((char *)(uintptr_t)texts[k]);
	free(a);
}

static const struct issuer_ops acme_ops = {
	.name = "acme",
	.request = acme_request,
	.accepts = acme_accepts,
	.is_local = acme_is_local,
	.add_challenges = acme_add_challenges,
	.renew = acme_renew,
	.describe = acme_describe,
	.free = acme_free,
};

/* One folder for each CA: an account is of use with the CA that it was made at only. FNV-1a: the
 * name must be the same for ever, not hard to guess. */
static char *account_dir(const char *dir, const char *directory)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *at = directory; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
	return xasprintf("%s/%016llx", dir, (unsigned long long)hash);
}

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

int acme_new(struct ev_loop *loop, const struct acme_config *config, struct issuer *local,
	struct issuer **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/schedule.json", config->dir);
	int r = file_make_dirs(config->dir, 0700, err);
	if (r < 0) {
		local->ops->free(local);
		return r;
	}
	struct acme *a = xnew(struct acme);
	a->issuer.ops = &acme_ops;
	a->loop = loop;
	a->local = local;
	a->config = (struct acme_config){.directory = xstrdup(config->directory),
		.email = dup_or_null(config->email),
		.agree_terms = config->agree_terms,
		.eab_kid = dup_or_null(config->eab_kid),
		.eab_key_file = dup_or_null(config->eab_key_file),
		.ca_file = dup_or_null(config->ca_file),
		.dir = xstrdup(config->dir),
		.account_dir = account_dir(config->dir, config->directory),
		.program = xstrdup(config->program)};
	a->schedule = schedule_new(path);
	list_init(&a->orders);
	ev_timer_init(&a->wake, on_wake, 0., 0.);
	a->wake.data = a;
	set_wake(a);
	*ret = &a->issuer;
	return 0;
}
