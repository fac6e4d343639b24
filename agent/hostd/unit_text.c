/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox is a list of what a unit may see, not of what it may not: its root is an empty folder
 * into which the system's programs, /etc, its release, its volumes and its socket folder are bound.
 */
#include "agent/hostd/unit_text.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/parse.h"

#define STOP_TIMEOUT_DEFAULT_MS 10000
#define USER_NAME_MAX 31 /* LOGIN_NAME_MAX of utmp, which systemd holds users to */

/* DynamicUser= brings RestrictSUIDSGID= with it, which takes openat2(2) away: see lib/sys/beneath.c. */
static const char sandbox[] =
	"MountAPIVFS=yes\n"
	"BindReadOnlyPaths=/usr /etc\n"
	"BindReadOnlyPaths=-/bin -/sbin -/lib -/lib32 -/lib64 -/opt\n"
	"BindReadOnlyPaths=-/run/systemd/resolve -/run/systemd/userdb\n"
	"InaccessiblePaths=-+/etc/berth -+/etc/ssh -+/etc/ssl/private -+/etc/systemd -+/etc/tmpfiles.d\n"
	"PrivateTmp=yes\n"
	"PrivateDevices=yes\n"
	"PrivateIPC=yes\n"
	"ProtectSystem=strict\n"
	"ProtectHome=yes\n"
	"ProtectProc=invisible\n"
	"ProcSubset=pid\n"
	"ProtectClock=yes\n"
	"ProtectHostname=yes\n"
	"ProtectKernelLogs=yes\n"
	"ProtectKernelModules=yes\n"
	"ProtectKernelTunables=yes\n"
	"ProtectControlGroups=yes\n"
	"NoNewPrivileges=yes\n"
	"CapabilityBoundingSet=\n"
	"AmbientCapabilities=\n"
	"LockPersonality=yes\n"
	"RestrictNamespaces=yes\n"
	"RestrictRealtime=yes\n"
	"RestrictSUIDSGID=yes\n"
	"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
	"SystemCallArchitectures=native\n"
	"SystemCallFilter=@system-service\n"
	"SystemCallErrorNumber=EPERM\n"
	"KeyringMode=private\n"
	"RemoveIPC=yes\n"
	"LimitCORE=0\n"
	"LimitNOFILE=65536\n";

static const char *task_name(uint32_t task)
{
	static const char *const names[] = {[HOSTD_BUILD] = "build",
		[HOSTD_PLAN] = "plan",
		[HOSTD_RELEASE_COMMAND] = "release"};
	return names[task];
}

bool is_task(const struct hostd_request *r)
{
	return r->process[0] == '\0';
}

void name_of(const struct hostd_request *r, char to[UNIT_NAME_MAX])
{
	if (is_task(r))
		(void)snprintf(
			to, UNIT_NAME_MAX, "%s.%u.%s", r->app, r->release, task_name(r->task));
	else
		(void)snprintf(
			to, UNIT_NAME_MAX, "%s.%u.%s.%u", r->app, r->release, r->process, r->index);
}

static int task_parse(const char *name, uint32_t *ret)
{
	for (uint32_t task = HOSTD_BUILD; task <= HOSTD_RELEASE_COMMAND; task++) {
		if (streq(name, task_name(task))) {
			*ret = task;
			return 0;
		}
	}
	return -EINVAL;
}

int name_parse(const char *name, struct hostd_request *ret)
{
	struct hostd_request r = {.magic = HOSTD_MAGIC};
	char copy[UNIT_NAME_MAX], again[UNIT_NAME_MAX], *part[4], *rest = copy;
	unsigned parts = 0;

	if (str_copy(copy, sizeof copy, str_from(name)) < 0)
		return -EINVAL;
	while (rest && parts < ARRAY_SIZE(part))
		part[parts++] = strsep(&rest, ".");
	if (rest || parts < 3 || str_copy(r.app, sizeof r.app, str_from(part[0])) < 0 ||
		parse_unsigned(part[1], 1, UINT32_MAX, &r.release) < 0)
		return -EINVAL;
	r.verb = parts == 4 ? HOSTD_INSTANCE_STOP : HOSTD_TASK_CANCEL;
	if (parts == 3 ? task_parse(part[2], &r.task) < 0
		       : str_copy(r.process, sizeof r.process, str_from(part[2])) < 0 ||
				 parse_unsigned(part[3], 1, UINT32_MAX, &r.index) < 0)
		return -EINVAL;
	/* The same checks as for what comes from the agent, and one spelling for each name. */
	if (hostd_request_check(&r, sizeof r, &r, NULL) < 0)
		return -EINVAL;
	name_of(&r, again);
	if (!streq(again, name))
		return -EINVAL;
	*ret = r;
	return 0;
}

int unit_parse(const char *unit, struct hostd_request *ret)
{
	char name[UNIT_NAME_MAX];
	size_t len = strlen(unit);
	bool task = has_prefix(unit, "berth-task-");

	if ((!task && !has_prefix(unit, "berth-app-")) || !has_suffix(unit, ".service"))
		return -EINVAL;
	size_t head = task ? strlen("berth-task-") : strlen("berth-app-");
	struct str inner = {unit + head, len - head - strlen(".service")};
	if (len < head + strlen(".service") || str_copy(name, sizeof name, inner) < 0 ||
		name_parse(name, ret) < 0 || is_task(ret) != task)
		return -EINVAL;
	return 0;
}

void unit_of(const struct hostd_request *r, char to[UNIT_NAME_MAX])
{
	char name[UNIT_NAME_MAX];

	name_of(r, name);
	(void)snprintf(
		to, UNIT_NAME_MAX, "berth-%s-%.120s.service", is_task(r) ? "task" : "app", name);
}

void credentials_of(const struct hostd_request *r, char to[UNIT_NAME_MAX])
{
	char name[UNIT_NAME_MAX];

	name_of(r, name);
	if (is_task(r))
		(void)snprintf(to, UNIT_NAME_MAX, DIR_HOSTD_RUN "/tasks/%.120s", name);
	else
		(void)snprintf(to, UNIT_NAME_MAX, DIR_HOSTD_STATE "/%.120s", name);
}

/* A user an app, and another one for its builds. Long names are cut and told apart by a hash; two
 * apps of one user would still not see each other's files. */
static void user_of(const struct hostd_request *r, char to[USER_NAME_MAX + 1])
{
	const char *prefix = is_task(r) && r->task != HOSTD_RELEASE_COMMAND ? "bbuild" : "bapp";
	uint32_t hash = 2166136261u; /* FNV-1a */

	if (strlen(prefix) + 1 + strlen(r->app) <= USER_NAME_MAX) {
		(void)snprintf(to, USER_NAME_MAX + 1, "%s-%.24s", prefix, r->app);
		return;
	}
	for (const char *p = r->app; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	(void)snprintf(to, USER_NAME_MAX + 1, "%s-%.14s-%08x", prefix, r->app, hash);
}

/* "-" in a slice's name makes a child slice, so it is written as "_", which no app has. */
static void slice_of(const struct hostd_request *r, char to[IDENT_APP_MAX + 1])
{
	memcpy(to, r->app, IDENT_APP_MAX + 1);
	for (char *p = to; *p; p++)
		if (*p == '-')
			*p = '_';
}

static int add_head(const struct hostd_request *r, struct buf *to)
{
	char name[UNIT_NAME_MAX], slice[IDENT_APP_MAX + 1], user[USER_NAME_MAX + 1];
	bool builds = is_task(r) && r->task != HOSTD_RELEASE_COMMAND;

	name_of(r, name);
	slice_of(r, slice);
	user_of(r, user);
	int e = buf_printf(to,
		"# Written by berth-hostd; it will be written again.\n"
		"[Unit]\nDescription=Berth: %s\n%s"
		"[Service]\nType=exec\nDynamicUser=yes\nUser=%s\n",
		name, is_task(r) ? "" : "After=network.target\nStartLimitIntervalSec=0\n", user);
	if (e == 0)
		e = builds ? buf_puts(to, "Slice=berth-build.slice\n")
			   : buf_printf(to, "Slice=berth-app-%s.slice\n", slice);
	if (e == 0)
		e = buf_printf(to,
			"RootDirectory=" DIR_HOSTD_RUN "/roots/%s\n"
			"ExecStartPre=+" DIR_PROGRAMS "/berth-hostd --prepare %s --code %u\n"
			"ExecStopPost=+" DIR_PROGRAMS "/berth-hostd --ended %s --code %u\n",
			name, name, r->code_release, name, r->code_release);
	return e < 0 ? e : buf_puts(to, sandbox);
}

static int add_memory(const struct hostd_request *r, struct buf *to)
{
	if (r->memory_max == 0)
		return 0;
	return buf_printf(to, "MemoryMax=%llu\n", (unsigned long long)r->memory_max);
}

/* Volumes are state folders of the dynamic user: systemd keeps them in /var/lib/private, which
 * nobody but root can enter, and gives them to the user when its number has changed. */
static int add_volumes(const struct hostd_request *r, struct buf *to)
{
	int e = 0;

	for (unsigned n = 0; e == 0 && n < r->volume_count; n++)
		e = buf_printf(to,
			"StateDirectory=berth/apps/%s/volumes/%s\n"
			"BindPaths=/var/lib/private/berth/apps/%s/volumes/%s:/data/%s\n",
			r->app, r->volumes[n], r->app, r->volumes[n], r->volumes[n]);
	return e < 0 ? e : buf_puts(to, "StateDirectoryMode=0750\n");
}

/* What instances and release commands have in common. */
static int add_release(const struct hostd_request *r, struct buf *to)
{
	char credentials[UNIT_NAME_MAX];

	credentials_of(r, credentials);
	int e = buf_printf(to,
		"BindReadOnlyPaths=" DIR_STATE "/apps/%s/releases/%u/app:/app\n"
		"LoadCredential=release.json:%s/release.json\n"
		"LoadCredential=env:%s/env\n"
		"UMask=0007\n",
		r->app, r->code_release, credentials, credentials);
	if (e == 0)
		e = add_volumes(r, to);
	return e < 0 ? e : add_memory(r, to);
}

static int add_instance(const struct hostd_request *r, struct buf *to)
{
	uint64_t stop_timeout_ms =
		r->stop_timeout_ms ? r->stop_timeout_ms : STOP_TIMEOUT_DEFAULT_MS;
	char name[UNIT_NAME_MAX];

	name_of(r, name);
	int e = add_release(r, to);
	if (e == 0)
		e = buf_printf(to,
			"SyslogIdentifier=%s.%u\nLogRateLimitIntervalSec=10s\n"
			"LogRateLimitBurst=10000\nTasksMax=512\nOOMPolicy=continue\n"
			"OOMScoreAdjust=200\nRestart=always\nRestartSec=1s\nTimeoutStartSec=60s\n"
			"TimeoutStopSec=%llums\n"
			"BindPaths=" DIR_RUN "/apps/%s\n"
			"ExecStart=" DIR_PROGRAMS "/berth-launch --release-file %%d/release.json "
			"--env-file %%d/env --app-dir /app --volumes-dir /data --process %s --index %u",
			r->process, r->index, (unsigned long long)stop_timeout_ms, name, r->process,
			r->index);
	if (e == 0 && r->listens)
		e = r->port > 0
			    ? buf_printf(to, " --port %u", r->port)
			    : buf_printf(to, " --listen unix:" DIR_RUN "/apps/%s/app.sock", name);
	return e < 0 ? e : buf_puts(to, "\n[Install]\nWantedBy=berth-apps.target\n");
}

static int add_task(const struct hostd_request *r, struct buf *to)
{
	char name[UNIT_NAME_MAX];

	name_of(r, name);
	int e = buf_printf(to,
		"StandardOutput=append:" DIR_HOSTD_RUN "/tasks/%s/output\nStandardError=inherit\n"
		"TasksMax=1024\nOOMPolicy=kill\nOOMScoreAdjust=500\nTimeoutStartSec=60s\n"
		"TimeoutStopSec=120s\n",
		name);
	if (e == 0 && r->timeout_ms > 0)
		e = buf_printf(to, "RuntimeMaxSec=%llums\n", (unsigned long long)r->timeout_ms);
	return e;
}

static int add_build(const struct hostd_request *r, bool has_env, struct buf *to)
{
	char credentials[UNIT_NAME_MAX];

	credentials_of(r, credentials);
	int e = buf_printf(to,
		"CacheDirectory=berth/%s\nCacheDirectoryMode=0700\nUMask=0022\n"
		"Environment=PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:"
		"/usr/local/go/bin\n"
		"BindPaths=" DIR_STATE "/apps/%s/releases/%u/app:/app\n"
		"BindPaths=/var/cache/private/berth/%s:/cache\n"
		"KillSignal=SIGKILL\nCPUWeight=20\nIOWeight=20\nNice=10\n",
		r->app, r->app, r->code_release, r->app);
	if (e == 0 && has_env)
		e = buf_printf(to, "LoadCredential=build.env:%s/build.env\n", credentials);
	if (e == 0)
		e = add_memory(r, to);
	if (e == 0)
		e = buf_printf(to,
			"ExecStart=" DIR_PROGRAMS "/berth-build --app-dir /app --plan-out "
			"/cache/.plan-%u.json --cache-dir /cache%s%s\n",
			r->release, r->task == HOSTD_PLAN ? " --plan-only" : "",
			has_env ? " --env-file %d/build.env" : "");
	return e;
}

static int add_release_command(const struct hostd_request *r, struct buf *to)
{
	int e = add_release(r, to);

	return e < 0 ? e
		     : buf_puts(to,
			       "ExecStart=" DIR_PROGRAMS
			       "/berth-launch --release-file %d/release.json --env-file %d/env "
			       "--app-dir /app --volumes-dir /data --release-command\n");
}

int unit_text(const struct hostd_request *r, bool has_build_env, struct buf *to)
{
	int e = add_head(r, to);

	if (e < 0)
		return e;
	if (!is_task(r))
		return add_instance(r, to);
	e = add_task(r, to);
	if (e < 0)
		return e;
	return r->task == HOSTD_RELEASE_COMMAND ? add_release_command(r, to)
						: add_build(r, has_build_env, to);
}
