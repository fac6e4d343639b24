/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks. A tool that is missing is not an error of the host: whoever deploys nothing that
 * needs it is well without; so the words say what needs it.
 */
#include "agent/api/doctor.h"

#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "agent/edge/edge.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define DISK_MIN (1ULL << 30)
#define INODES_MIN 20000ULL
#define MEMORY_MIN (400ULL << 20)
#define MEMORY_AND_SWAP_MIN (1000ULL << 20)
/* A clock before this program was written is wrong. */
#define CLOCK_MIN 1767225600 /* 2026-01-01 */

#define TOOL_DIRS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin"

static void add(json_t *checks, const char *name, const char *fix, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* A check with a fix is one that failed. */
static void add(json_t *checks, const char *name, const char *fix, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	json_t *check = json_pack("{s:s,s:b,s:s,s:s?}", "name", name, "ok", fix == NULL, "message",
		message, "fix", fix);
	must(check && json_array_append_new(checks, check) == 0);
}

static void check_disk(json_t *checks, const char *dir)
{
	struct statvfs v;
	char size[32];

	if (statvfs(dir, &v) < 0) {
		add(checks, "disk", "see whether it is mounted and readable", "cannot look at %s",
			dir);
		return;
	}
	uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
	format_size(bytes, size, sizeof size);
	add(checks, "disk",
		bytes >= DISK_MIN
			? NULL
			: "make room: old images, logs and packages (apt-get clean), or a "
			  "larger disk; builds need about 1 GB",
		"%s free for %s", size, dir);
	/* File systems that have no fixed number of inodes say 0. */
	bool has_inodes = v.f_files == 0 || v.f_favail >= INODES_MIN;
	add(checks, "inodes", has_inodes ? NULL : "remove folders with many small files",
		v.f_files == 0 ? "the file system has no limit on files"
			       : "%llu files can still be made",
		(unsigned long long)v.f_favail);
}

static void check_memory(json_t *checks)
{
	struct sysinfo info;
	char memory[32], swap[32];

	if (sysinfo(&info) < 0)
		return;
	uint64_t total = (uint64_t)info.totalram * info.mem_unit;
	uint64_t more = (uint64_t)info.totalswap * info.mem_unit;
	format_size(total, memory, sizeof memory);
	format_size(more, swap, sizeof swap);
	bool ok = total >= MEMORY_MIN && total + more >= MEMORY_AND_SWAP_MIN;
	add(checks, "memory",
		ok ? NULL
		   : "add swap, so that builds fit: fallocate -l 1G /swapfile && chmod 600 "
		     "/swapfile && mkswap /swapfile && swapon /swapfile",
		"%s of memory, %s of swap", memory, swap);
}

static void check_proxy(json_t *checks, const struct doctor_subject *s)
{
	bool ok = edge_is_connected(s->edge);

	add(checks, "proxy",
		ok ? NULL
		   : "see why berth-proxy does not run: systemctl status berth-proxy, or the log of "
		     "the standalone agent",
		ok ? "berth-proxy answers (http %u, https %u)"
		   : "berth-proxy does not answer on its control socket (http %u, https %u)",
		s->http_port, s->https_port);
}

static void check_clock(json_t *checks)
{
	bool ok = time(NULL) >= CLOCK_MIN;

	add(checks, "clock",
		ok ? NULL : "set the clock, and keep it right: timedatectl set-ntp true",
		ok ? "the clock is plausible"
		   : "the clock is before 2026: certificates will be wrong");
}

/* Looks where builds look, without running anything. */
static bool find_program(const char *name, char *to, size_t size)
{
	struct str rest = str_from(TOOL_DIRS), dir;

	while (str_split(&rest, ':', &dir)) {
		int n = snprintf(to, size, STR_FMT "/%s", STR_ARG(dir), name);
		if (n > 0 && (size_t)n < size && access(to, X_OK) == 0)
			return true;
	}
	return false;
}

/* Debian splits venv's bootstrap off into python3-venv. */
static bool has_venv(void)
{
	static const char *const patterns[] = {"/usr/lib/python3*/ensurepip/__init__.py",
		"/usr/local/lib/python3*/ensurepip/__init__.py"};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(patterns) && !found; i++) {
		glob_t g;
		if (glob(patterns[i], GLOB_NOSORT, NULL, &g) == 0) {
			found = g.gl_pathc > 0;
			globfree(&g);
		}
	}
	return found;
}

static void check_tools(json_t *checks)
{
	static const struct {
		const char *name, *needed_by, *fix;
	} tools[] = {
		{"python3", "Python apps", "apt-get install python3 python3-venv"},
		{"node", "Node apps", "apt-get install nodejs npm"},
		{"npm", "Node apps", "apt-get install npm"},
		{"go", "Go apps", "apt-get install golang-go"},
	};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		bool found = find_program(tools[i].name, path, sizeof path);
		if (!found)
			add(checks, tools[i].name, tools[i].fix, "not found; %s need it",
				tools[i].needed_by);
		else if (streq(tools[i].name, "python3") && !has_venv())
			add(checks, "python3", "apt-get install python3-venv",
				"%s has no venv module; Python apps need it", path);
		else
			add(checks, tools[i].name, NULL, "%s", path);
	}
}

static void check_programs(json_t *checks, const char *dir)
{
	static const char *const programs[] = {"berth-git", "berth-build", "berth-launch"};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, programs[i]);
		if (access(path, X_OK) < 0)
			add(checks, programs[i],
				"install the package berth-agent again, or build the project again",
				"%s is missing", path);
	}
}

json_t *doctor_examine(const struct doctor_subject *s)
{
	json_t *checks = json_array();

	check_proxy(checks, s);
	check_disk(checks, s->state_dir);
	check_memory(checks);
	check_clock(checks);
	check_programs(checks, s->programs);
	check_tools(checks);
	return checks;
}
