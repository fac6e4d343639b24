/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines of the systemd runtime: the journal's entries of an app's slice, by sd-journal. The only
 * file beside hostd's that uses libsystemd.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/runtime/logs/logs.h"
#include "lib/base/clock.h"

#define NOBODY 65534
#define UNIT_PREFIX "berth-app-"
#define UNIT_SUFFIX ".service"

/* Started by hostd it is root, and needs no more of that than reading the journal. */
static int drop_root(struct err *err)
{
	const struct group *readers = getgrnam("systemd-journal");

	if (geteuid() != 0)
		return 0;
	gid_t group = readers ? readers->gr_gid : NOBODY;
	if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_errno(err, errno, "cannot give up root");
	return 0;
}

static void journal_close(sd_journal **j)
{
	sd_journal_close(*j);
}

/* The value of a field of the current entry, without "NAME=". */
static int field(sd_journal *j, const char *name, struct str *ret)
{
	const void *data;
	size_t len, skip = strlen(name) + 1;

	int r = sd_journal_get_data(j, name, &data, &len);
	if (r < 0 || len < skip)
		return r < 0 ? r : -EBADMSG;
	*ret = (struct str){(const char *)data + skip, len - skip};
	return 0;
}

/* "berth-app-shop.7.web.1.service" names the instance. */
static int instance_of(sd_journal *j, const struct logs_options *o, struct instance_id *ret)
{
	char name[INSTANCE_NAME_MAX];
	struct str unit;

	int r = field(j, "_SYSTEMD_UNIT", &unit);
	if (r < 0)
		return r;
	if (!str_starts(unit, STR(UNIT_PREFIX)) || !str_ends(unit, STR(UNIT_SUFFIX)))
		return -ENOENT;
	unit.p += sizeof UNIT_PREFIX - 1;
	unit.len -= sizeof UNIT_PREFIX - 1 + sizeof UNIT_SUFFIX - 1;
	if (str_copy(name, sizeof name, unit) < 0 || instance_parse(name, ret) < 0)
		return -ENOENT;
	return streq(ret->app, o->app) && (!o->process || streq(o->process, ret->process))
		       ? 0
		       : -ENOENT;
}

static int print_current(sd_journal *j, const struct logs_options *o)
{
	char time[CLOCK_RFC3339_SIZE];
	struct instance_id id;
	struct str message;
	uint64_t us;

	if (instance_of(j, o, &id) < 0 || field(j, "MESSAGE", &message) < 0 ||
		sd_journal_get_realtime_usec(j, &us) < 0)
		return 0;
	clock_format_rfc3339((int64_t)(us / 1000), time);
	return logs_print(&id, str_from(time), message);
}

/* Entries of other processes of the app are skipped, so walk back until enough were seen. */
static int go_back(sd_journal *j, const struct logs_options *o)
{
	struct instance_id id;
	unsigned seen = 0;

	int r = sd_journal_seek_tail(j);
	if (r < 0 || o->lines == 0)
		return r < 0 ? r : sd_journal_previous(j);
	while (seen < o->lines && (r = sd_journal_previous(j)) > 0)
		if (instance_of(j, o, &id) == 0)
			seen++;
	/* At the beginning: the next call of sd_journal_next() gives the first entry. */
	if (r == 0)
		return sd_journal_seek_head(j);
	return r < 0 ? r : print_current(j, o);
}

static int wait_for_more(sd_journal *j)
{
	struct pollfd fds[] = {
		{sd_journal_get_fd(j), (short)sd_journal_get_events(j), 0}, {STDOUT_FILENO, 0, 0}};

	if (poll(fds, ARRAY_SIZE(fds), 1000) < 0 && errno != EINTR)
		return -errno;
	if (fds[1].revents & (POLLERR | POLLHUP))
		return -EPIPE;
	int r = sd_journal_process(j);
	return r < 0 ? r : 0;
}

static int print_all(sd_journal *j, const struct logs_options *o)
{
	int r = go_back(j, o);

	while (r >= 0) {
		r = sd_journal_next(j);
		if (r > 0)
			r = print_current(j, o);
		else if (r == 0 && o->follow)
			r = wait_for_more(j);
		else if (r == 0)
			return 0;
	}
	return r == -EPIPE ? 0 : r;
}

int logs_from_journal(const struct logs_options *o, struct err *err)
{
	_cleanup_(journal_close) sd_journal *j = NULL;
	_cleanup_free_ char *slice = xasprintf("_SYSTEMD_SLICE=berth-app-%s.slice", o->app);

	/* As in agent/hostd/unit_text.c: "-" would make a child slice. */
	for (char *p = slice + strlen("_SYSTEMD_SLICE=berth-app-"); *p; p++)
		if (*p == '-')
			*p = '_';
	if (drop_root(err) < 0)
		return -err->code;
	int r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
	if (r >= 0)
		r = sd_journal_add_match(j, slice, 0);
	if (r >= 0)
		r = print_all(j, o);
	return r < 0 ? err_errno(err, -r, "cannot read the journal") : 0;
}
