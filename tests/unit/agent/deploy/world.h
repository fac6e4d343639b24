/* SPDX-License-Identifier: Apache-2.0
 *
 * One host in a temporary folder: a real store, a real engine, the fakes around it, and the invariants
 * that must hold whenever nothing is under way.
 */
#ifndef BERTH_TESTS_DEPLOY_WORLD_H
#define BERTH_TESTS_DEPLOY_WORLD_H

#include "agent/deploy/engine.h"
#include "tests/unit/agent/deploy/fakes.h"

#define PLAN_WEB                                                                              \
	"{\"stack\":\"procfile\",\"processes\":[{\"name\":\"web\",\"command\":\"x $LISTEN\"," \
	"\"listens\":true,\"unix_socket\":true,\"instances\":2,\"stop_timeout_ms\":1000,"     \
	"\"health\":{\"timeout_ms\":3000}}],\"release_command\":\"migrate\"}"
#define PLAN_STATIC "{\"stack\":\"static\",\"statics\":[{\"prefix\":\"/\",\"dir\":\".\"}]}"

struct world {
	char dir[64];
	struct ev_loop *loop;
	struct store *store;
	struct engine *engine;
	struct engine_config config;
	struct runtime_paths paths;
};

extern struct world world;

int world_setup(void **state);
int world_teardown(void **state);
/* An agent starts, or is gone from one moment to the next. */
void world_start_agent(const char *stop_at);
void world_lose_agent(void);
uint64_t world_request(enum deploy_kind kind, unsigned release);
void world_turn(void); /* one turn of the loop */
void world_settle(void); /* until no deploy is left; fails the test after a deadline */
/* Runs until the deploy's end was told; its exit code. */
int world_wait(uint64_t id);
int world_deploy(enum deploy_kind kind, unsigned release); /* both */
unsigned world_live(void);
void world_check(void); /* the invariants */
char *world_reason(uint64_t id); /* the caller frees */

#endif
