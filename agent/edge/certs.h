/* SPDX-License-Identifier: Apache-2.0
 *
 * struct certs: the certificates on disk, one folder a host, below it one folder a certificate:
 *
 *	certs/shop.example.com/4f8a.../{chain.pem,key.pem}
 *
 * A folder appears whole (written beside, synced, renamed), never changes, and its key is always
 * its chain's; so a route table that names it stays right through every crash. Knows neither who
 * issues certificates nor who uses them.
 */
#ifndef BERTH_AGENT_CERTS_H
#define BERTH_AGENT_CERTS_H

#include "agent/edge/x509.h"

struct certs;

struct certs *certs_new(const char *dir); /* copies */
void certs_free(struct certs *c);

/* The host's certificate that was made last; -ENOENT when there is none that is whole. What was
 * found is remembered. */
int certs_find(struct certs *c, const char *host, struct x509_info *ret);

/* Checks the pair against the host, and keeps it. Older certificates stay until certs_prune(). */
int certs_store(struct certs *c, const char *host, const struct x509_pair *pair, struct err *err);

/* Removes every certificate of the host but the one with this serial. */
void certs_prune(struct certs *c, const char *host, const char *serial);

/* Path of "chain.pem" or "key.pem" of a certificate; the text is the caller's. */
char *certs_path(const struct certs *c, const char *host, const char *serial, const char *file);

#endif
