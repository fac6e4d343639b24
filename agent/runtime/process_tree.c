/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over /proc gives (pid, parent) pairs; descendants are marked until nothing changes.
 */
#include "agent/runtime/process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>

#define PROCESSES_MAX 65536

struct process {
	pid_t pid, parent;
	bool zombie, descends;
};

struct table {
	struct process *all;
	size_t count, capacity;
};

static void table_free(struct table *t)
{
	free(t->all);
}

static ssize_t read_small(const char *pid, const char *file, char *to, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%.16s/%s", pid, file);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, to, size - 1);
	to[n < 0 ? 0 : n] = '\0';
	return n;
}

/* Fields 3 and 4 of proc_pid_stat(5), behind the command in parentheses. */
static bool read_process(const char *pid, struct process *ret)
{
	char line[512];

	if (read_small(pid, "stat", line, sizeof line) <= 0)
		return false;
	const char *p = strrchr(line, ')');
	if (!p || strlen(p) < 5)
		return false;
	*ret = (struct process){
		.pid = (pid_t)strtol(pid, NULL, 10),
		.parent = (pid_t)strtol(p + 4, NULL, 10),
		.zombie = p[2] == 'Z' || p[2] == 'X',
	};
	return true;
}

static int table_read(struct table *t)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	for (struct dirent *e; (e = readdir(proc)) != NULL && t->count < PROCESSES_MAX;) {
		struct process p;
		if (!isdigit((unsigned char)e->d_name[0]) || !read_process(e->d_name, &p))
			continue;
		if (t->count == t->capacity) {
			t->capacity = t->capacity ? t->capacity * 2 : 256;
			t->all = xrealloc(t->all, t->capacity, sizeof *t->all);
		}
		t->all[t->count++] = p;
	}
	(void)closedir(proc);
	return 0;
}

static bool descends(const struct table *t, pid_t parent, pid_t root)
{
	if (parent == root)
		return true;
	for (size_t i = 0; i < t->count; i++)
		if (t->all[i].pid == parent)
			return t->all[i].descends;
	return false;
}

static void mark(struct table *t, pid_t root)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < t->count; i++) {
			struct process *p = &t->all[i];
			if (!p->descends && descends(t, p->parent, root))
				p->descends = changed = true;
		}
	}
}

int process_tree_signal(pid_t root, int sig)
{
	_cleanup_(table_free) struct table t = {0};
	int found = 0;

	int r = table_read(&t);
	if (r < 0)
		return r;
	mark(&t, root);
	for (size_t i = 0; i < t.count; i++) {
		if (!t.all[i].descends || t.all[i].zombie)
			continue;
		found++;
		if (sig != 0)
			(void)kill(t.all[i].pid, sig);
	}
	return found;
}

uint64_t process_tree_memory(pid_t root)
{
	_cleanup_(table_free) struct table t = {0};
	uint64_t pages = 0;

	if (table_read(&t) < 0)
		return 0;
	mark(&t, root);
	for (size_t i = 0; i < t.count; i++) {
		char pid[16], line[256];
		if (!t.all[i].descends)
			continue;
		(void)snprintf(pid, sizeof pid, "%d", (int)t.all[i].pid);
		if (read_small(pid, "statm", line, sizeof line) <= 0)
			continue;
		char *p = line;
		(void)strtoull(p, &p, 10);
		uint64_t resident = strtoull(p, &p, 10), shared = strtoull(p, &p, 10);
		pages += resident > shared ? resident - shared : 0;
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
