/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers, tokens, guesses. Both tables here have a fixed size: an attacker with many addresses makes
 * them forget, never grow.
 */
#include "agent/api/access.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/sys/sock.h"

#define ADDRESSES 256
#define RECENT 32
#define RECENT_MS (5 * 60 * 1000)
#define FREE_GUESSES 5
#define WAIT_MAX_MS (60 * 1000)
#define FORGIVEN_MS (10 * 60 * 1000)
#define GROUPS_MAX 256

struct guesses {
	uint64_t address; /* hash */
	unsigned failed;
	int64_t last_ms, until_ms; /* monotonic */
};

struct recent {
	char hash[TOKEN_HASH_SIZE];
	int64_t until_ms; /* monotonic */
	int64_t expires_ms; /* wall clock, 0: never */
	struct identity identity;
};

struct access {
	struct store *store;
	struct guesses guesses[ADDRESSES];
	struct recent recent[RECENT];
	unsigned next_recent;
};

struct access *access_new(struct store *store)
{
	struct access *a = xnew(struct access);

	a->store = store;
	return a;
}

void access_free(struct access *a)
{
	free(a);
}

static bool is_in_group(int fd, int64_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof *groups; i++)
		if (groups[i] == (gid_t)group)
			return true;
	return false;
}

int access_check_peer(int fd, int64_t group)
{
	struct ucred peer;

	if (sock_peer_credentials(fd, &peer) < 0)
		return -EACCES;
	if (peer.uid == 0 || peer.uid == geteuid())
		return 0;
	if (group >= 0 && (peer.gid == (gid_t)group || is_in_group(fd, group)))
		return 0;
	return -EACCES;
}

static uint64_t hash_address(struct str address)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (size_t i = 0; i < address.len; i++)
		h = (h ^ (unsigned char)address.p[i]) * 0x100000001b3ULL;
	return h;
}

/* The place of an address; another's that shares it is thrown out unless it still has to wait. */
static struct guesses *guesses_of(struct access *a, struct str address, int64_t now)
{
	uint64_t h = hash_address(address);
	struct guesses *g = &a->guesses[h % ADDRESSES];

	if (g->address != h && now >= g->until_ms)
		*g = (struct guesses){.address = h};
	else if (g->address == h && now - g->last_ms > FORGIVEN_MS)
		g->failed = 0;
	return g;
}

static void count_failure(struct guesses *g, int64_t now)
{
	g->last_ms = now;
	if (++g->failed <= FREE_GUESSES)
		return;
	unsigned doublings = g->failed - FREE_GUESSES - 1;
	int64_t wait = doublings < 6 ? 1000LL << doublings : WAIT_MAX_MS;
	g->until_ms = now + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
}

static bool is_expired(int64_t expires_ms)
{
	return expires_ms != 0 && clock_wall_ms() >= expires_ms;
}

static const struct recent *find_recent(const struct access *a, const char *hash, int64_t now)
{
	for (size_t i = 0; i < RECENT; i++)
		if (now < a->recent[i].until_ms && streq(a->recent[i].hash, hash) &&
			!is_expired(a->recent[i].expires_ms))
			return &a->recent[i];
	return NULL;
}

static void remember(
	struct access *a, const char *hash, const struct token_row *row, struct identity *ret)
{
	struct recent *r = &a->recent[a->next_recent++ % RECENT];

	*r = (struct recent){
		.until_ms = clock_monotonic_ms() + RECENT_MS, .expires_ms = row->expires_ms};
	must(str_copy(r->hash, sizeof r->hash, str_from(hash)) == 0);
	must(str_copy(r->identity.scope, sizeof r->identity.scope, str_from(row->scope)) == 0);
	must(str_copy(r->identity.token, sizeof r->identity.token, str_from(row->id)) == 0);
	*ret = r->identity;
}

void access_forget(struct access *a, const char *token_id)
{
	for (size_t i = 0; i < RECENT; i++)
		if (streq(a->recent[i].identity.token, token_id))
			a->recent[i] = (struct recent){0};
}

int access_check_token(struct access *a, struct str authorization, struct str address,
	struct identity *ret, unsigned *ret_wait_s)
{
	char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE] = "";
	int64_t now = clock_monotonic_ms();
	struct guesses *g = guesses_of(a, address, now);
	struct token_row row = {0};

	if (authorization.len == 0)
		return -EACCES; /* not a guess: git asks without one first */
	bool is_token = token_from_authorization(authorization, token) == 0;
	if (is_token) {
		token_hash(str_from(token), hash);
		const struct recent *recent = find_recent(a, hash, now);
		if (recent) {
			*ret = recent->identity;
			return 0;
		}
	}
	if (now < g->until_ms) {
		*ret_wait_s = (unsigned)((g->until_ms - now + 999) / 1000);
		return -EAGAIN;
	}
	int r = is_token ? store_token_find(a->store, hash, &row, NULL) : -ENOENT;
	if (r == 0 && is_expired(row.expires_ms))
		r = -ENOENT;
	if (r == 0)
		remember(a, hash, &row, ret);
	else
		count_failure(g, now);
	token_row_clear(&row);
	return r == 0 ? 0 : -EACCES;
}

bool identity_is_admin(const struct identity *i)
{
	return streq(i->scope, "*");
}

bool identity_may(const struct identity *i, const char *app)
{
	return identity_is_admin(i) || streq(i->scope, app);
}
