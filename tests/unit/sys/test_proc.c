/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes: exactly what was named, failures of exec, limits, and how they ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/proc.h"

#define OUTPUT_MAX 65536

/* Runs /bin/sh -c script with its output in `out`; the wait status. */
static int run(struct proc_spec *spec, const char *script, struct buf *out)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct err err = {0};
	int ends[2], status, pidfd;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	spec->argv = argv;
	spec->fds[0] = -1;
	spec->fds[1] = ends[1];
	spec->fds[2] = ends[1];
	if (spec->fd_count == 0)
		spec->fd_count = 3;
	if (proc_spawn(spec, &pid, &pidfd, &err) < 0)
		fail_msg("%s", err.msg);
	(void)close(ends[1]);
	assert_int_equal(fd_read_all(ends[0], out), 0);
	(void)close(ends[0]);
	/* The pidfd becomes readable when the child has ended. */
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(proc_start_time(pid), 0);
	(void)close(pidfd);
	return status;
}

static void check_run(struct proc_spec *spec, const char *script, const char *output)
{
	_cleanup_buf_ struct buf out = BUF_INIT(OUTPUT_MAX);
	int status = run(spec, script, &out);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(buf_cstr(&out), output);
}

static void environment_and_folder(void **state)
{
	const char *const env[] = {"ONE=1", "TWO=two words", NULL};
	struct proc_spec spec = {.env = env, .dir = "/usr"};

	(void)state;
	check_run(&spec, "echo \"$ONE|$TWO|$HOME\"; pwd", "1|two words|\n/usr\n");
}

static void only_the_named_descriptors(void **state)
{
	/* These stay open without CLOEXEC, as a careless library leaves them. */
	int stray = open("/dev/null", O_RDONLY); /* NOLINT(android-cloexec-open) */
	int high = fcntl(stray, F_DUPFD, 200);
	_cleanup_close_ int given = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct proc_spec spec = {.fd_count = 5, .fds = {-1, -1, -1, -1, given}};

	(void)state;
	assert_true(stray >= 0 && high >= 200);
	/* A shell glob opens a descriptor of its own: ask for each number instead. */
	check_run(&spec,
		"for i in 0 3 4 5 6 7 8 9 10 11 12 200; do"
		" [ -e /proc/self/fd/$i ] && echo $i $(readlink /proc/$$/fd/$i); done; true",
		"0 /dev/null\n4 /dev/zero\n");
	(void)close(stray);
	(void)close(high);
}

/* Each descriptor goes to the place of another one. */
static void swapped_descriptors(void **state)
{
	_cleanup_close_ int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int low = fcntl(zero, F_DUPFD_CLOEXEC, 3), high = fcntl(null, F_DUPFD_CLOEXEC, 3);
	struct proc_spec spec = {.fd_count = PROC_FDS_MAX};

	(void)state;
	for (unsigned i = 3; i < PROC_FDS_MAX; i++)
		spec.fds[i] = i % 2 ? low : high;
	check_run(&spec, "readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/7",
		"/dev/zero\n/dev/null\n/dev/zero\n");
	(void)close(low);
	(void)close(high);
}

static void clean_signals_and_session(void **state)
{
	struct proc_spec spec = {0};
	sigset_t blocked, old;

	(void)state;
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &blocked, &old);
	(void)signal(SIGPIPE, SIG_IGN);
	check_run(&spec,
		"grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t';"
		" set -- $(cat /proc/$$/stat); [ $6 = $$ ] && echo own session",
		"SigBlk:0000000000000000\nSigIgn:0000000000000000\nown session\n");
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static void limits(void **state)
{
	struct proc_spec spec = {.file_bytes_max = 4096, .cpu_seconds_max = 7, .nice = 3};

	(void)state;
	check_run(&spec, "ulimit -t; ulimit -f; nice", "7\n8\n3\n");
}

static void failures_of_exec(void **state)
{
	static const struct {
		const char *program, *dir;
		int result;
	} cases[] = {
		{"/absent", NULL, -ENOENT},
		{"sh", NULL, -ENOENT},
		{"/etc/passwd", NULL, -EACCES},
		{"/bin/sh", "/absent", -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const argv[] = {cases[i].program, NULL};
		struct proc_spec spec = {
			.argv = argv, .dir = cases[i].dir, .fds = {-1, -1, -1}, .fd_count = 3};
		struct err err = {0};
		pid_t pid = -1;
		int pidfd = -1;
		assert_int_equal(proc_spawn(&spec, &pid, &pidfd, &err), cases[i].result);
		assert_int_equal(pid, -1);
		assert_non_null(strstr(err.msg, cases[i].program));
	}
	/* No zombie is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void describes_the_end(void **state)
{
	struct proc_spec spec = {0};
	_cleanup_buf_ struct buf out = BUF_INIT(OUTPUT_MAX);
	char words[64];

	(void)state;
	proc_describe_status(run(&spec, "exit 3", &out), words, sizeof words);
	assert_string_equal(words, "exited with status 3");
	proc_describe_status(run(&spec, "kill -SEGV $$", &out), words, sizeof words);
	assert_string_equal(words, "was killed by SIGSEGV");
	proc_describe_status(run(&spec, "kill -KILL $$", &out), words, sizeof words);
	assert_string_equal(words, "was killed by SIGKILL");
}

static void identities(void **state)
{
	char dir[4096], small[4];

	(void)state;
	assert_true(proc_start_time(getpid()) > 0);
	assert_int_equal(proc_start_time(getpid()), proc_start_time(getpid()));
	assert_int_equal(proc_start_time(0x7ffffff), 0);
	assert_int_equal(proc_program_dir(dir, sizeof dir), 0);
	assert_true(dir[0] == '/' && has_suffix(dir, "/unit"));
	assert_int_equal(proc_program_dir(small, sizeof small), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_and_folder),
		cmocka_unit_test(only_the_named_descriptors),
		cmocka_unit_test(swapped_descriptors),
		cmocka_unit_test(clean_signals_and_session),
		cmocka_unit_test(limits),
		cmocka_unit_test(failures_of_exec),
		cmocka_unit_test(describes_the_end),
		cmocka_unit_test(identities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
