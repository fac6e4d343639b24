/* SPDX-License-Identifier: Apache-2.0
 *
 * struct access: who may ask for what. On the agent's own socket the kernel says who it is; behind
 * the proxy a token does. An address whose guesses fail is made to wait, longer each time, and its
 * guesses are not looked at meanwhile; tokens that were right a moment ago go on to work from it.
 */
#ifndef BERTH_AGENT_ACCESS_H
#define BERTH_AGENT_ACCESS_H

#include "agent/api/token.h"
#include "agent/store/store.h"

struct access;

struct access *access_new(struct store *store);
void access_free(struct access *a);

struct identity {
	char scope[IDENT_APP_MAX + 1]; /* "*" or one app */
	char token[TOKEN_ID_SIZE]; /* "" for a peer on the socket */
};

/* Root, the agent's own user, and members of `group` (-1: no such group): 0 or -EACCES. */
int access_check_peer(int fd, int64_t group);

/* The value of an Authorization field ("" when absent). -EACCES: no valid token; -EAGAIN: too many
 * wrong ones came from `address`, *ret_wait_s says how long to wait. */
int access_check_token(struct access *a, struct str authorization, struct str address,
	struct identity *ret, unsigned *ret_wait_s);

/* Forgets a token that was removed from the store. */
void access_forget(struct access *a, const char *token_id);

bool identity_may(const struct identity *i, const char *app);
bool identity_is_admin(const struct identity *i);

#endif
