/* SPDX-License-Identifier: Apache-2.0
 *
 * Children are forked and exec'ed at once; between the two only async-signal-safe calls are made.
 */
#include "lib/sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/str.h"

static void set_limit(__rlimit_resource_t what, uint64_t value)
{
	if (value > 0) {
		struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
		(void)setrlimit(what, &limit);
	}
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): in a forked child, which has one thread */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Lifts the wanted descriptors above the range they go to, so that no dup2 overwrites a source. */
static int place_fds(const struct proc_spec *spec, int *error_fd)
{
	int lifted[PROC_FDS_MAX + 1];
	const int floor = PROC_FDS_MAX + 2;

	lifted[spec->fd_count] = fcntl(*error_fd, F_DUPFD_CLOEXEC, floor);
	for (unsigned i = 0; i < spec->fd_count; i++) {
		int fd = spec->fds[i];
		if (fd < 0 && i < 3)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		lifted[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, floor);
		if (fd >= 0 && lifted[i] < 0)
			return -1;
	}
	for (unsigned i = 0; i < spec->fd_count; i++) {
		if (lifted[i] < 0)
			(void)close((int)i);
		else if (dup2(lifted[i], (int)i) < 0)
			return -1;
	}
	*error_fd = lifted[spec->fd_count];
	return *error_fd < 0 ? -1 : 0;
}

_Noreturn static void run_child(const struct proc_spec *spec, int error_fd, pid_t parent)
{
	reset_signals();
	if (spec->dies_with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	(void)setsid();
	if (place_fds(spec, &error_fd) < 0)
		goto failed;
	/* Whatever else is open and not CLOEXEC was not ours to give. */
	(void)close_range(spec->fd_count, (unsigned)error_fd - 1, 0);
	(void)close_range((unsigned)error_fd + 1, ~0U, 0);
	if (spec->nice != 0)
		(void)setpriority(PRIO_PROCESS, 0, spec->nice);
	set_limit(RLIMIT_AS, spec->memory_max);
	set_limit(RLIMIT_CPU, spec->cpu_seconds_max);
	set_limit(RLIMIT_FSIZE, spec->file_bytes_max);
	if (spec->dir && chdir(spec->dir) < 0)
		goto failed;
	(void)execve(spec->argv[0], (char *const *)(uintptr_t)spec->argv,
		spec->env ? (char *const *)(uintptr_t)spec->env : environ);
failed:;
	int code = errno;
	(void)!write(error_fd, &code, sizeof code);
	_exit(127);
}

/* 0 when the pipe closed by a successful exec, else the child's errno. */
static int exec_result(int fd)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof code);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof code ? code : 0;
}

int proc_spawn(const struct proc_spec *spec, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	int error_pipe[2];
	pid_t parent = getpid();

	must(spec->fd_count >= 3 && spec->fd_count <= PROC_FDS_MAX);
	if (pipe2(error_pipe, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start %s", spec->argv[0]);
	pid_t pid = fork();
	if (pid == 0)
		run_child(spec, error_pipe[1], parent);
	int fork_errno = errno;
	(void)close(error_pipe[1]);
	if (pid < 0) {
		(void)close(error_pipe[0]);
		return err_errno(err, fork_errno, "cannot start %s", spec->argv[0]);
	}
	int code = exec_result(error_pipe[0]);
	(void)close(error_pipe[0]);
	int pidfd = code != 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		if (code == 0) {
			code = errno;
			(void)kill(pid, SIGKILL);
		}
		(void)waitpid(pid, NULL, 0);
		return err_errno(err, code, "cannot start %s", spec->argv[0]);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

void proc_describe_status(int wait_status, char *to, size_t size)
{
	if (WIFEXITED(wait_status))
		(void)snprintf(to, size, "exited with status %d", WEXITSTATUS(wait_status));
	else if (WIFSIGNALED(wait_status))
		(void)snprintf(to, size, "was killed by SIG%s",
			sigabbrev_np(WTERMSIG(wait_status)) ? sigabbrev_np(WTERMSIG(wait_status))
							    : "?");
	else
		(void)snprintf(to, size, "ended with wait status %d", wait_status);
}

uint64_t proc_start_time(pid_t pid)
{
	char path[32], line[1024];

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, line, sizeof line - 1);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	/* The command, field 2, may contain anything: count from its closing parenthesis. */
	char *p = strrchr(line, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

int proc_program_dir(char *to, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", to, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	to[n] = '\0';
	char *slash = strrchr(to, '/');
	must(slash);
	*slash = '\0';
	return 0;
}
