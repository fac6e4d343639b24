/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of installed tools.
 */
#include "builders/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "builders/environment.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define ANSWER_MAX 512
#define DEADLINE_MS 10000

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *toolchain_find(const char *path_list, const char *dir, const char *program)
{
	struct str rest = str_from(path_list), folder;

	if (strchr(program, '/')) {
		char *path =
			program[0] == '/' ? xstrdup(program) : xasprintf("%s/%s", dir, program);
		if (is_program(path))
			return path;
		free(path);
		return NULL;
	}
	while (str_split(&rest, ':', &folder)) {
		char *path = xasprintf(STR_FMT "/%s", STR_ARG(folder), program);
		if (folder.len > 0 && is_program(path))
			return path;
		free(path);
	}
	return NULL;
}

/* The arguments after which a program says its version. */
static const char *version_argument(const char *program)
{
	return streq(program, "go") ? "version" : "--version";
}

/* Reads what the child says until it closes its end or the deadline passes. */
static void read_answer(int fd, struct buf *answer)
{
	int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_monotonic_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0 ||
			fd_read(fd, answer, buf_room(answer)) <= 0)
			return;
	}
}

static int ask(const char *program_path, const char *argument, struct buf *answer)
{
	const char *const argv[] = {program_path, argument, NULL};
	_cleanup_(envfile_freep) struct envfile *e = envfile_new();
	int out[2];
	pid_t pid;
	int pidfd;

	environment_set_base(e);
	(void)envfile_set(e, "HOME", "/tmp", NULL);
	/* A go.mod or toolchain setting must not make `go version` fetch anything. */
	(void)envfile_set(e, "GOTOOLCHAIN", "local", NULL);
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	char **env = environment_array(e);
	const struct proc_spec spec = {
		.argv = argv,
		.env = (const char *const *)env,
		.dir = "/",
		.fds = {-1, out[1], -1},
		.fd_count = 3,
		.dies_with_parent = true,
	};
	int r = proc_spawn(&spec, &pid, &pidfd, NULL);
	environment_array_free(env);
	(void)close(out[1]);
	if (r == 0) {
		read_answer(out[0], answer);
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		(void)close(pidfd);
	}
	(void)close(out[0]);
	return r;
}

/* The first thing that looks like a version: "v20.1.0", "go1.26.1", "Python 3.11.2". */
static char *first_version(const char *answer)
{
	for (const char *p = answer; *p; p++) {
		size_t n = strspn(p, "0123456789.");
		if (n >= 3 && memchr(p, '.', n) && p[0] != '.')
			return xstrndup(p, p[n - 1] == '.' ? n - 1 : n);
		if (n > 0)
			p += n - 1;
	}
	return NULL;
}

static char *ask_version(const struct toolchain *t, const char *program)
{
	const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): one thread */
	_cleanup_free_ char *program_path =
		toolchain_find(path ? path : "/usr/bin:/bin", "/", program);
	_cleanup_buf_ struct buf answer = BUF_INIT(ANSWER_MAX);

	(void)t;
	if (!program_path || ask(program_path, version_argument(program), &answer) < 0)
		return NULL;
	const char *text = buf_cstr(&answer);
	return text ? first_version(text) : NULL;
}

const struct toolchain toolchain_of_host = {.version = ask_version};
