/* SPDX-License-Identifier: Apache-2.0
 *
 * struct issuer: where certificates come from. The local CA answers at once; one that asks a CA on
 * the network (ACME) answers when its order is through. The edge knows only this header.
 */
#ifndef BERTH_AGENT_ISSUER_H
#define BERTH_AGENT_ISSUER_H

#include "agent/edge/certs.h"

struct barrier;
struct ev_loop;
struct issuer;
struct routes;

/* Borrowed until the issuer's next call. */
struct issuer_state {
	bool is_ordering;
	int64_t retry_ms; /* wall clock, 0: nothing failed */
	const char *error; /* of the last order, "" when it went well */
};

struct issuer_ops {
	const char *name; /* "local", "acme" */
	/* Asks for a certificate. 1: it is in `certs` now. 0: it is under way, on_issued comes later
	 * (asking again meanwhile changes nothing). Below 0: it will not come, err says why. */
	int (*request)(struct issuer *i, struct certs *certs, const char *host, struct err *err);
	/* Would this issuer still give that certificate? False: ask for another. */
	bool (*accepts)(struct issuer *i, const char *host, const struct x509_info *info);
	/* Did the local CA make it? */
	bool (*is_local)(struct issuer *i, const struct x509_info *info);
	/* Puts what its orders have visitors see just now into the table; NULL: never anything.
	 * -ENOBUFS: the table is too large. */
	int (*add_challenges)(struct issuer *i, struct routes *table);
	/* As request(), because a person asks: without waiting for a failure's back-off to end.
	 * NULL: request() never waits. -EBUSY: not now, err says until when. */
	int (*renew)(struct issuer *i, struct certs *certs, const char *host, struct err *err);
	/* What is to be said of a host's next certificate. NULL: nothing. */
	void (*describe)(struct issuer *i, const char *host, struct issuer_state *ret);
	void (*free)(struct issuer *i);
};

/* First member of each implementation. None of the callbacks comes from within request(). */
struct issuer {
	const struct issuer_ops *ops;
	/* An order is over, for good or ill; its challenge, if any, is gone. */
	void (*on_issued)(void *data, const char *host, int result, const struct err *err);
	/* Hosts may be asked for again that were refused before. */
	void (*on_due)(void *data);
	/* Has the table published with what add_challenges() says now; on_done as with edge_wait().
	 * NULL: it cannot be. */
	struct barrier *(*publish)(
		void *data, void (*on_done)(void *done_data, int result), void *done_data);
	void *data;
};

/* The CA in `dir` (ca.pem, ca.key), made when there is none yet. A key without its certificate is
 * what a crash in between leaves, and gets one; a certificate without its key is an error. */
int local_ca_new(const char *dir, struct issuer **ret, struct err *err);

/* Whom to ask for names of the internet, and as whom. */
struct acme_config {
	const char *directory; /* https address */
	const char *email; /* NULL: none */
	bool agree_terms;
	const char *eab_kid, *eab_key_file; /* NULL: none */
	const char *ca_file; /* NULL: the host's list */
	const char *dir; /* for accounts and the schedule */
	const char *account_dir; /* acme_new() sets it */
	const char *program; /* berth-acme */
};

/* Takes `local`, also when it fails: the issuer of all other names, and until an order is through.
 * Copies the configuration. */
int acme_new(struct ev_loop *loop, const struct acme_config *config, struct issuer *local,
	struct issuer **ret, struct err *err);

#endif
