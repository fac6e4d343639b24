/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread with a list of folders. The thread touches nothing but the list and the files.
 */
#include "agent/deploy/janitor.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

struct folder {
	struct list link;
	char *path;
};

struct janitor {
	pthread_t thread;
	bool has_thread, is_over;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list folders;
};

static void folder_free(struct folder *f)
{
	free(f->path);
	free(f);
}

static void *run(void *data)
{
	struct janitor *j = data;

	(void)pthread_mutex_lock(&j->lock);
	while (!j->is_over) {
		struct list *first = list_pop_front(&j->folders);
		if (!first) {
			(void)pthread_cond_wait(&j->wake, &j->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&j->lock);
		struct folder *f = container_of(first, struct folder, link);
		struct err err = {0};
		if (file_remove_tree(f->path, &err) < 0)
			log_warn("janitor.failed", "error=%s", err.msg);
		folder_free(f);
		(void)pthread_mutex_lock(&j->lock);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return NULL;
}

struct janitor *janitor_new(void)
{
	struct janitor *j = xnew(struct janitor);

	list_init(&j->folders);
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->wake, NULL);
	return j;
}

/* The agent's signals are the loop's: the thread takes none. */
static int start_thread(struct janitor *j)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = pthread_create(&j->thread, NULL, run, j);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	j->has_thread = code == 0;
	return -code;
}

void janitor_free(struct janitor *j)
{
	if (!j)
		return;
	if (j->has_thread) {
		(void)pthread_mutex_lock(&j->lock);
		j->is_over = true;
		(void)pthread_cond_signal(&j->wake);
		(void)pthread_mutex_unlock(&j->lock);
		(void)pthread_join(j->thread, NULL);
	}
	list_for_each_safe (it, &j->folders)
		folder_free(container_of(it, struct folder, link));
	(void)pthread_mutex_destroy(&j->lock);
	(void)pthread_cond_destroy(&j->wake);
	free(j);
}

int janitor_remove(struct janitor *j, const char *path, struct err *err)
{
	/* Within the same folder: moving a folder to another one needs a right on the folder itself. */
	_cleanup_free_ char *aside = has_suffix(path, JANITOR_SUFFIX)
					     ? xstrdup(path)
					     : xasprintf("%s" JANITOR_SUFFIX, path);

	if (!streq(aside, path) && rename(path, aside) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return err_errno(err, errno, "cannot move %s aside", path);
		/* Left by a removal that did not come to its end. */
		int r = file_remove_tree(aside, err);
		if (r < 0)
			return r;
		if (rename(path, aside) < 0)
			return err_errno(err, errno, "cannot move %s aside", path);
	}
	if (!j->has_thread && start_thread(j) < 0)
		return file_remove_tree(aside, err);
	struct folder *f = xnew(struct folder);
	f->path = take_ptr(aside);
	(void)pthread_mutex_lock(&j->lock);
	list_append(&j->folders, &f->link);
	(void)pthread_cond_signal(&j->wake);
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}
