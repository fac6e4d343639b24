/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates on disk. The folders' group is inherited (set-group-id on the top folder), which is
 * how the proxy may read keys on a host where it is another user.
 */
#include "agent/edge/certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/map.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define FOLDER_MODE 02750
#define FILE_MODE 0640

struct certs {
	char *dir;
	struct map known; /* host to struct x509_info */
};

static void dir_closep(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

struct certs *certs_new(const char *dir)
{
	struct certs *c = xnew(struct certs);

	c->dir = xstrdup(dir);
	map_init(&c->known);
	return c;
}

void certs_free(struct certs *c)
{
	if (!c)
		return;
	map_for_each (e, &c->known)
		free(e->value);
	map_free(&c->known);
	free(c->dir);
	free(c);
}

/* A '*' would be a trap for whoever works with these folders in a shell. */
static char *host_dir(const struct certs *c, const char *host)
{
	if (has_prefix(host, "*."))
		return xasprintf("%s/_wildcard.%s", c->dir, host + 2);
	return xasprintf("%s/%s", c->dir, host);
}

char *certs_path(const struct certs *c, const char *host, const char *serial, const char *file)
{
	_cleanup_free_ char *dir = host_dir(c, host);
	return xasprintf("%s/%s/%s", dir, serial, file);
}

static int load(const struct certs *c, const char *host, const char *serial, struct x509_info *ret)
{
	_cleanup_free_ char *chain = certs_path(c, host, serial, "chain.pem");
	_cleanup_free_ char *key = certs_path(c, host, serial, "key.pem");
	_cleanup_(x509_pair_clear) struct x509_pair pair = {0};
	int r = file_read(chain, X509_PEM_MAX, &pair.chain_pem, NULL, NULL);
	if (r == 0)
		r = file_read(key, X509_PEM_MAX, &pair.key_pem, NULL, NULL);
	if (r == 0)
		r = x509_check(&pair, host, ret, NULL);
	/* The folder is asked for again by the serial of its certificate. */
	return r != 0 ? r : streq(ret->serial, serial) ? 0 : -EINVAL;
}

static void remember(struct certs *c, const char *host, const struct x509_info *info)
{
	struct x509_info *copy = xnew(struct x509_info);

	*copy = *info;
	free(map_set(&c->known, str_from(host), copy));
}

/* Not the one that is valid longest: another CA's may have a shorter life. */
static bool is_newer(const struct x509_info *a, const struct x509_info *b)
{
	if (a->not_before_ms != b->not_before_ms)
		return a->not_before_ms > b->not_before_ms;
	return a->not_after_ms > b->not_after_ms;
}

int certs_find(struct certs *c, const char *host, struct x509_info *ret)
{
	const struct x509_info *known = map_get(&c->known, str_from(host));
	if (known) {
		*ret = *known;
		return 0;
	}
	_cleanup_free_ char *path = host_dir(c, host);
	_cleanup_(dir_closep) DIR *dir = opendir(path);
	struct x509_info best = {0}, info;
	struct dirent *e;
	while (dir && (e = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): one thread */
		if (e->d_name[0] != '.' && load(c, host, e->d_name, &info) == 0 &&
			is_newer(&info, &best))
			best = info;
	if (best.not_after_ms == 0)
		return -ENOENT;
	remember(c, host, &best);
	*ret = best;
	return 0;
}

static int write_file(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	return fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_folder(const char *path, const struct x509_pair *pair)
{
	if (mkdir(path, 0700) < 0 || chmod(path, FOLDER_MODE) < 0)
		return -errno;
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int r = write_file(dir, "chain.pem", pair->chain_pem);
	if (r == 0)
		r = write_file(dir, "key.pem", pair->key_pem);
	return r < 0 ? r : fsync(dir) < 0 ? -errno : 0;
}

int certs_store(struct certs *c, const char *host, const struct x509_pair *pair, struct err *err)
{
	struct x509_info info;
	int r = x509_check(pair, host, &info, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *dir = host_dir(c, host);
	if (mkdir(dir, 0700) == 0)
		r = chmod(dir, FOLDER_MODE) < 0 ? -errno : file_sync_dir(c->dir);
	else if (errno != EEXIST)
		r = -errno;
	_cleanup_free_ char *fresh = xasprintf("%s/.%s.new", dir, info.serial);
	_cleanup_free_ char *final = xasprintf("%s/%s", dir, info.serial);
	if (r == 0)
		r = write_folder(fresh, pair);
	if (r == 0 && rename(fresh, final) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync_dir(dir);
	if (r < 0) {
		(void)file_remove_tree(fresh, NULL);
		return err_errno(err, -r, "cannot keep the certificate of %s in %s", host, dir);
	}
	remember(c, host, &info);
	return 0;
}

void certs_prune(struct certs *c, const char *host, const char *serial)
{
	_cleanup_free_ char *path = host_dir(c, host);
	_cleanup_(dir_closep) DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (streq(e->d_name, ".") || streq(e->d_name, "..") || streq(e->d_name, serial))
			continue;
		_cleanup_free_ char *old = xasprintf("%s/%s", path, e->d_name);
		(void)file_remove_tree(old, NULL);
	}
}
