/* SPDX-License-Identifier: Apache-2.0
 *
 * The local CA: a root that a developer trusts once, a leaf for each host. Must not be asked for
 * names from the network: the edge asks for hosts of the route table only.
 */
#include <errno.h>

#include "agent/edge/issuer.h"
#include "lib/base/ident.h"
#include "lib/sys/file.h"

#define ROOT_NAME "Berth local CA"
#define ROOT_DAYS 3653
#define LEAF_DAYS 90

struct local_ca {
	struct issuer issuer;
	struct x509_pair root;
	struct x509_info info;
};

static int local_ca_request(
	struct issuer *i, struct certs *certs, const char *host, struct err *err)
{
	struct local_ca *ca = container_of(i, struct local_ca, issuer);
	_cleanup_(x509_pair_clear) struct x509_pair pair = {0};
	int r = ident_check_domain(host, true, err);
	if (r == 0)
		r = x509_make_leaf(&ca->root, host, LEAF_DAYS, &pair, err);
	if (r == 0)
		r = certs_store(certs, host, &pair, err);
	return r < 0 ? r : 1;
}

static bool local_ca_is_local(struct issuer *i, const struct x509_info *info)
{
	const struct local_ca *ca = container_of(i, struct local_ca, issuer);
	return strcmp(info->issuer_id, ca->info.subject_id) == 0;
}

static bool local_ca_accepts(struct issuer *i, const char *host, const struct x509_info *info)
{
	(void)host;
	return local_ca_is_local(i, info);
}

static void local_ca_free(struct issuer *i)
{
	struct local_ca *ca = container_of(i, struct local_ca, issuer);

	x509_pair_clear(&ca->root);
	free(ca);
}

static const struct issuer_ops local_ca_ops = {
	.name = "local",
	.request = local_ca_request,
	.accepts = local_ca_accepts,
	.is_local = local_ca_is_local,
	.free = local_ca_free,
};

/* The key is written first: alone it says nothing, and the next start makes the root for it. */
static int create_root(
	const char *cert_path, const char *key_path, struct x509_pair *root, struct err *err)
{
	int r = 0;

	if (!root->key_pem) {
		r = x509_make_key(&root->key_pem, err);
		if (r == 0)
			r = file_replace(key_path, root->key_pem, strlen(root->key_pem), 0600, err);
	}
	if (r == 0)
		r = x509_make_root(ROOT_NAME, root->key_pem, ROOT_DAYS, &root->chain_pem, err);
	if (r == 0)
		r = file_replace(cert_path, root->chain_pem, strlen(root->chain_pem), 0644, err);
	return r;
}

static int load_root(
	const char *cert_path, const char *key_path, struct x509_pair *root, struct err *err)
{
	bool has_cert = file_exists(cert_path), has_key = file_exists(key_path);
	int r = 0;

	if (has_cert && !has_key)
		return err_set(err, ENOENT,
			"%s is missing: bring it back, or remove %s to start with a new local CA",
			key_path, cert_path);
	if (has_key)
		r = file_read(key_path, X509_PEM_MAX, &root->key_pem, NULL, err);
	if (r == 0 && has_cert)
		r = file_read(cert_path, X509_PEM_MAX, &root->chain_pem, NULL, err);
	else if (r == 0)
		r = create_root(cert_path, key_path, root, err);
	return r;
}

int local_ca_new(const char *dir, struct issuer **ret, struct err *err)
{
	_cleanup_free_ char *cert_path = xasprintf("%s/ca.pem", dir);
	_cleanup_free_ char *key_path = xasprintf("%s/ca.key", dir);
	struct local_ca *ca = xnew(struct local_ca);

	ca->issuer.ops = &local_ca_ops;
	int r = file_make_dirs(dir, 0711, err);
	if (r == 0)
		r = load_root(cert_path, key_path, &ca->root, err);
	if (r == 0) {
		r = x509_check(&ca->root, NULL, &ca->info, err);
		if (r < 0)
			(void)err_wrap(err, "local CA in %s", dir);
	}
	if (r < 0) {
		local_ca_free(&ca->issuer);
		return r;
	}
	*ret = &ca->issuer;
	return 0;
}
