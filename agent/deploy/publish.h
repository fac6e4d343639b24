/* SPDX-License-Identifier: Apache-2.0
 *
 * Which release of each app is live, under which hosts, and the route table made of that; and what
 * subscribers are told. Private to agent/deploy.
 */
#ifndef BERTH_AGENT_PUBLISH_H
#define BERTH_AGENT_PUBLISH_H

#include "agent/deploy/run.h"

/* The live release of an app. */
struct live {
	char app[IDENT_APP_MAX + 1];
	unsigned release, code_release;
	struct plan *plan;
	bool not_started; /* at the agent's start; tried again */
};

struct live *live_get(struct engine *e, const char *app);
void live_set(struct engine *e, const char *app, unsigned release, unsigned code_release,
	struct plan *plan); /* takes the plan; release 0 removes */
int live_load(struct engine *e, const char *app, unsigned release, struct err *err);
void lives_free(struct engine *e);
void default_host(const struct engine *e, const char *app, char to[IDENT_DOMAIN_MAX + 1]);
/* The host people know the app by: of the manifest, of the store, or the default one. */
void primary_host(
	struct engine *e, const char *app, const struct plan *plan, char to[IDENT_DOMAIN_MAX + 1]);
/* Domains of the manifest: those of the plan are the app's, those that it no longer names are not.
 * Inside a transaction. */
int domains_check(struct engine *e, const char *app, const struct plan *plan, struct err *err);
int domains_sync(struct engine *e, const char *app, const struct plan *plan, struct err *err);
/* Publishes the table that the store asks for. The answer comes to on_done with the job, if it is
 * still in the state in which it asked; j and on_done may be NULL. */
int publish_table(struct engine *e, struct job *j,
	void (*on_done)(struct job *j, int result, const struct err *err), struct err *err);
int ask_counts(struct job *j, unsigned release,
	void (*on_counts)(struct job *j, int result, const struct edge_counts *counts));
/* For a start: the sites that the proxy has go on, whatever keeps us from telling it more (a full
 * disk); tried again until it works. */
void publish_until_done(struct engine *e);
void on_republish(struct ev_loop *loop, ev_timer *timer, int events);
void tickets_free(struct engine *e);

/* subscribe.c */
void subscriptions_pump(struct engine *e);
void subscriptions_free(struct engine *e);
char *deploy_log_path(const struct engine *e, const char *app, uint64_t id);
json_t *deploy_end_event(struct engine *e, const struct deploy_row *row);

#endif
