/* SPDX-License-Identifier: Apache-2.0
 *
 * A runtime and an edge that live in memory and can fail, be slow or forget at will: the faults that
 * the engine must survive and that the real ones do not produce on demand. What they hold outlives
 * the engine, as the real ones outlive the agent.
 */
#ifndef BERTH_TESTS_DEPLOY_FAKES_H
#define BERTH_TESTS_DEPLOY_FAKES_H

#include <ev.h>

#include "agent/edge/edge.h"
#include "agent/runtime/runtime.h"

#define FAKE_INSTANCES_MAX 64

struct fake_instance {
	struct instance_id id;
	bool exists, listens;
	unsigned port;
};

struct fake {
	struct ev_loop *loop;
	const struct runtime_callbacks *callbacks; /* NULL: no agent is there */
	struct runtime runtime;
	struct fake_instance instances[FAKE_INSTANCES_MAX];
	/* What happens next. */
	const char *plan; /* plan.json of the next build */
	int build_exit; /* 0: it works */
	const char *build_line; /* one more line of the build, may be NULL */
	bool stranger; /* listens on the port of what is started, which soon crashes of it */
	bool build_hangs, release_fails, start_fails, crashes_at_start;
	int publish_result; /* 0, -EINVAL, -ENOTCONN */
	bool publish_hangs;
	uint64_t inflight, requests, errors_5xx;
	/* What was seen. */
	char routes[32768]; /* JSON of the table that is served */
	unsigned publications, builds_running, builds_at_once;
	unsigned status; /* of the answer to a health check, 0: 200 */
	char state[64]; /* state folder */
};

/* In shared memory: what a killed child did to it stays. */
extern struct fake *fake;

struct runtime *fake_runtime(void);
void fake_reset(const char *state);
void fake_attach(struct ev_loop *loop, const struct runtime_callbacks *callbacks);
void fake_detach(void); /* the agent is gone: nobody hears what was on its way */
/* Answers 200 (or fake.status) to every health check; closed with fake_detach(). */
void fake_listen(void);
void fake_crash(const char *app, unsigned release); /* reports a crash of all its instances */
size_t fake_count(const char *app, unsigned release); /* instances that run */
void fake_finish_build(void); /* of one that hangs: it works */
/* The release of an app in the table that is served; 0: none. */
unsigned fake_served(const char *app);

#endif
