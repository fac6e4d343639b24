/* SPDX-License-Identifier: Apache-2.0
 *
 * struct issuer: where certificates come from. The local CA answers at once; one that asks a CA on
 * the network (ACME) answers when its order is through. The edge knows only this header.
 */
#ifndef BERTH_AGENT_ISSUER_H
#define BERTH_AGENT_ISSUER_H

#include "agent/edge/certs.h"

struct issuer;

struct issuer_ops {
	const char *name; /* "local", "acme" */
	/* Asks for a certificate. 1: it is in `certs` now. 0: it is under way, on_issued comes later
	 * (asking again meanwhile changes nothing). Below 0: it will not come, err says why. */
	int (*request)(struct issuer *i, struct certs *certs, const char *host, struct err *err);
	/* Would this issuer still give that certificate? False: ask for another. */
	bool (*accepts)(struct issuer *i, const struct x509_info *info);
	void (*free)(struct issuer *i);
};

/* First member of each implementation. */
struct issuer {
	const struct issuer_ops *ops;
	void (*on_issued)(void *data, const char *host, int result, const struct err *err);
	void *data;
};

/* The CA in `dir` (ca.pem, ca.key), made when there is none yet. A key without its certificate is
 * what a crash in between leaves, and gets one; a certificate without its key is an error. */
int local_ca_new(const char *dir, struct issuer **ret, struct err *err);

#endif
