/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: R-hostd/ended/<name> holds one line of ours: numbers, the exit status plus one
 * among them, and words.
 */
#include "agent/hostd/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/hostd/tree.h"
#include "agent/hostd/unit_text.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"

#define STABLE_S 60
#define PAUSE_MAX_S 30
#define PLAN_MAX (1u << 20)
#define CGROUP_TEXT_MAX 4096

/* systemd starts hooks inside the unit's own root, unsandboxed otherwise. What they have to do is
 * outside. */
static int join_host(struct err *err)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_errno(err, errno, "cannot mount /proc");
	_cleanup_close_ int host = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (host < 0 || setns(host, CLONE_NEWNS) < 0)
		return err_errno(err, errno, "cannot join the mount namespace of the host");
	return 0;
}

static char *ended_path(const struct hostd_request *unit)
{
	char name[UNIT_NAME_MAX];

	name_of(unit, name);
	return xasprintf(DIR_HOSTD_RUN "/ended/%s", name);
}

static int next_number(struct str *rest, uint64_t max, uint64_t *ret)
{
	struct str word;
	return str_split(rest, ' ', &word) ? parse_u64(word, 0, max, ret) : -EBADMSG;
}

int ended_read(const struct hostd_request *unit, struct ended *ret)
{
	_cleanup_free_ char *path = ended_path(unit);
	_cleanup_free_ char *text = NULL;
	uint64_t failures, timed_out, out_of_memory, status;
	struct ended e = {0};
	struct str words;
	size_t len;

	int r = file_read(path, 512, &text, &len, NULL);
	if (r < 0)
		return r;
	struct str rest = {text, len};
	if (next_number(&rest, UINT32_MAX, &failures) < 0 ||
		next_number(&rest, 1, &timed_out) < 0 ||
		next_number(&rest, 1, &out_of_memory) < 0 || next_number(&rest, 256, &status) < 0 ||
		!str_split(&rest, '\n', &words) || str_copy(e.text, sizeof e.text, words) < 0)
		return -EBADMSG;
	e.failures = (unsigned)failures;
	e.timed_out = timed_out > 0;
	e.out_of_memory = out_of_memory > 0;
	e.exit_status = (int)status - 1;
	*ret = e;
	return 0;
}

void ended_remove(const struct hostd_request *unit)
{
	_cleanup_free_ char *path = ended_path(unit);
	(void)unlink(path);
}

/* The number of processes of this control group that were killed for want of memory, from
 * whichever of v2 and v1 the host has. */
static unsigned oom_kills(void)
{
	_cleanup_free_ char *groups = NULL;
	size_t len;

	if (file_read("/proc/self/cgroup", CGROUP_TEXT_MAX, &groups, &len, NULL) < 0)
		return 0;
	for (struct str rest = {groups, len}, line; str_split(&rest, '\n', &line);) {
		const char *path = memmem(line.p, line.len, ":memory:/", 9);
		bool v1 = path != NULL;
		if (!v1 && !str_starts(line, STR("0::/")))
			continue;
		path = v1 ? path + 8 : line.p + 3;
		_cleanup_free_ char *file = xasprintf("/sys/fs/cgroup/%s%.*s/%s",
			v1 ? "memory" : "", (int)(line.p + line.len - path), path,
			v1 ? "memory.oom_control" : "memory.events");
		_cleanup_free_ char *text = NULL;
		size_t n;
		if (file_read(file, CGROUP_TEXT_MAX, &text, &n, NULL) < 0)
			continue;
		const char *at = strstr(text, "oom_kill ");
		if (at)
			return (unsigned)strtoul(at + 9, NULL, 10);
	}
	return 0;
}

static void describe(const struct hostd_request *unit, struct ended *e)
{
	const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"),
		   *status = getenv("EXIT_STATUS");
	unsigned number = 0;

	e->exit_status = -1;
	e->timed_out = streq(result, "timeout");
	/* A child may have been the victim and its parent have failed for it. */
	e->out_of_memory = streq(result, "oom-kill") ||
			   (!streq(result, "success") && !e->timed_out && oom_kills() > 0);
	if (streq(code, "exited") && status && parse_unsigned(status, 0, 255, &number) == 0)
		e->exit_status = (int)number;
	if (e->out_of_memory)
		(void)snprintf(e->text, sizeof e->text, "ran out of memory");
	else if (e->timed_out)
		(void)snprintf(e->text, sizeof e->text,
			is_task(unit) ? "took too long" : "could not be started in time");
	else if (e->exit_status >= 0)
		(void)snprintf(e->text, sizeof e->text, "exited with status %u", number);
	else if (status && (streq(code, "killed") || streq(code, "dumped")))
		(void)snprintf(e->text, sizeof e->text, "was killed by SIG%.16s", status);
	else
		(void)snprintf(e->text, sizeof e->text, "could not be started (%.40s)",
			result ? result : "unknown");
}

/* The user of the build, known by the cache folder that systemd made for it. */
static int build_user(const struct hostd_request *unit, uid_t *ret)
{
	_cleanup_free_ char *cache = xasprintf("/var/cache/private/berth/%s", unit->app);
	struct stat st;

	if (lstat(cache, &st) < 0)
		return -errno;
	*ret = st.st_uid;
	return st.st_uid == 0 ? -EPERM : 0;
}

static char *code_path(const struct hostd_request *unit)
{
	return xasprintf(DIR_STATE "/apps/%s/releases/%u/app", unit->app, unit->code_release);
}

static int give_to_build(const struct hostd_request *unit, struct err *err)
{
	const struct passwd *agent = getpwnam(USER_AGENT);
	_cleanup_free_ char *path = code_path(unit);
	struct tree_owners owners = {0};

	if (!agent)
		return err_set(err, ENOENT, "there is no user " USER_AGENT);
	int r = build_user(unit, &owners.to_user);
	if (r < 0)
		return err_errno(err, -r, "the build of %s has no user", unit->app);
	owners.from = agent->pw_uid;
	owners.to_group = (gid_t)owners.to_user;
	return tree_give(path, &owners, err);
}

/* The plan that the build wrote; opened without following links, for the build chose what is there. */
static int read_plan(const struct hostd_request *unit, struct buf *ret, struct err *err)
{
	_cleanup_free_ char *path =
		xasprintf("/var/cache/private/berth/%s/.plan-%u.json", unit->app, unit->release);
	struct stat st;

	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s is no file", path);
	int r = fd_read_all(fd, ret);
	return r < 0 ? err_errno(err, -r, "cannot read %s", path) : 0;
}

/* Puts the plan where the agent looks for it. The folder is the agent's, so the way to it must not
 * leave S. */
static int hand_over_plan(
	const struct hostd_request *unit, const struct passwd *agent, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("apps/%s/releases/%u", unit->app, unit->release);
	_cleanup_buf_ struct buf plan = BUF_INIT(PLAN_MAX);

	int r = read_plan(unit, &plan, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	_cleanup_close_ int state = open(DIR_STATE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int folder =
		file_open_beneath(state, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (folder < 0)
		return err_errno(err, -folder, "cannot open " DIR_STATE "/%s", path);
	(void)unlinkat(folder, "plan.json", 0);
	_cleanup_close_ int out = openat(
		folder, "plan.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = out < 0 ? -errno : fd_write_all(out, buf_data(&plan), buf_len(&plan));
	if (r == 0 && fchown(out, agent->pw_uid, agent->pw_gid) < 0)
		r = -errno;
	/* Once for everything that the build made: a release is only acknowledged when it would
	 * survive a power cut. */
	if (r == 0 && syncfs(out) < 0)
		r = -errno;
	return r < 0 ? err_errno(err, -r, "cannot write " DIR_STATE "/%s/plan.json", path) : 0;
}

static int take_back(const struct hostd_request *unit, struct err *err)
{
	const struct passwd *agent = getpwnam(USER_AGENT);
	_cleanup_free_ char *path = code_path(unit);
	struct tree_owners owners = {.seal = 1};

	if (!agent)
		return err_set(err, ENOENT, "there is no user " USER_AGENT);
	int r = build_user(unit, &owners.from);
	if (r < 0)
		return r == -ENOENT ? 0
				    : err_errno(err, -r, "the build of %s has no user", unit->app);
	owners.to_user = agent->pw_uid;
	owners.to_group = agent->pw_gid;
	r = tree_give(path, &owners, err);
	return r < 0 ? r : hand_over_plan(unit, agent, err);
}

static char *root_path(const struct hostd_request *unit)
{
	char name[UNIT_NAME_MAX];

	name_of(unit, name);
	return xasprintf(DIR_HOSTD_RUN "/roots/%s", name);
}

static void pause_after_failures(const struct hostd_request *unit)
{
	struct ended e;

	if (ended_read(unit, &e) < 0 || e.failures < 2)
		return;
	/* systemd itself waits one second before each restart. */
	unsigned seconds = e.failures > 5 ? PAUSE_MAX_S : 1u << (e.failures - 1);
	const struct timespec pause = {.tv_sec = seconds - 1};
	(void)nanosleep(&pause, NULL);
}

int hook_prepare(const struct hostd_request *unit, struct err *err)
{
	_cleanup_free_ char *root = root_path(unit);
	int r = join_host(err);

	if (r < 0)
		return r;
	if (!is_task(unit))
		pause_after_failures(unit);
	(void)utimensat(AT_FDCWD, root, NULL, 0); /* when this run began */
	if (is_task(unit) && unit->task != HOSTD_RELEASE_COMMAND)
		return give_to_build(unit, err);
	return 0;
}

/* Was the run that ends now a short one? */
static bool was_short(const struct hostd_request *unit)
{
	_cleanup_free_ char *root = root_path(unit);
	struct stat st;

	return stat(root, &st) < 0 || time(NULL) - st.st_mtim.tv_sec < STABLE_S;
}

int hook_ended(const struct hostd_request *unit, struct err *err)
{
	_cleanup_free_ char *path = ended_path(unit);
	struct ended before = {0}, now = {0};
	char line[256];
	int r = join_host(err);

	if (r < 0)
		return r;
	describe(unit, &now);
	if (is_task(unit) && unit->task != HOSTD_RELEASE_COMMAND)
		r = take_back(unit, err);
	if (was_short(unit) && ended_read(unit, &before) == 0)
		now.failures = before.failures;
	now.failures += was_short(unit) ? 1 : 0;
	int n = snprintf(line, sizeof line, "%u %d %d %d %s\n", now.failures, now.timed_out,
		now.out_of_memory, now.exit_status + 1, now.text);
	int written = file_replace(path, line, (size_t)n, 0600, r < 0 ? NULL : err);
	return r < 0 ? r : written;
}

/* What systemd gives to dynamic users (systemd.io/UIDS-GIDS). */
static bool is_dynamic(uid_t user)
{
	return user >= 61184 && user <= 65519;
}

static bool is_being_built(
	const char *app, const char *release, bool (*is_running)(const struct hostd_request *unit))
{
	static const char *const kinds[] = {"build", "plan"};
	struct hostd_request unit;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ char *name = xasprintf("%s.%s.%s", app, release, kinds[i]);
		if (name_parse(name, &unit) == 0 && is_running(&unit))
			return true;
	}
	return false;
}

static void recover_app(const char *app, bool (*is_running)(const struct hostd_request *unit))
{
	_cleanup_free_ char *path = xasprintf(DIR_STATE "/apps/%s/releases", app);
	const struct passwd *agent = getpwnam(USER_AGENT);
	DIR *dir = agent ? opendir(path) : NULL;

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		_cleanup_free_ char *tree = xasprintf("%s/%s/app", path, e->d_name);
		struct stat st;
		if (e->d_name[0] == '.' || lstat(tree, &st) < 0 || !is_dynamic(st.st_uid) ||
			is_being_built(app, e->d_name, is_running))
			continue;
		const struct tree_owners owners = {.from = st.st_uid,
			.to_user = agent->pw_uid,
			.to_group = agent->pw_gid,
			.seal = 1};
		(void)tree_give(tree, &owners, NULL);
	}
	(void)closedir(dir);
}

void hooks_recover_trees(bool (*is_running)(const struct hostd_request *unit))
{
	DIR *dir = opendir(DIR_STATE "/apps");

	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (ident_check_app(e->d_name, NULL) == 0)
			recover_app(e->d_name, is_running);
	(void)closedir(dir);
}
