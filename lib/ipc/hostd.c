/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks are the whole of what hostd knows about its peer's input, so they are strict: a field
 * that a verb does not use must be zero.
 */
#include "lib/ipc/hostd.h"

#include <errno.h>

#define RELEASE_MAX 100000000u
#define INDEX_MAX 1000u
#define MEMORY_MIN (8ull << 20)
#define MEMORY_MAX (1ull << 46)
#define TIME_MAX_MS (7ull * 24 * 3600 * 1000)

/* Which fields a verb uses. */
enum {
	USES_APP = 1,
	USES_RELEASE = 2,
	USES_PROCESS = 4, /* and index */
	USES_LIMITS = 8, /* code_release, memory_max, volumes */
	USES_TASK = 16,
	MAY_PROCESS = 32, /* a process, or none */
};

static const unsigned uses[] = {
	[HOSTD_HELLO] = 0,
	[HOSTD_INSTANCE_START] = USES_APP | USES_RELEASE | USES_PROCESS | USES_LIMITS,
	[HOSTD_INSTANCE_STOP] = USES_APP | USES_RELEASE | USES_PROCESS,
	[HOSTD_INSTANCE_LIST] = 0,
	[HOSTD_TASK_RUN] = USES_APP | USES_RELEASE | USES_LIMITS | USES_TASK,
	[HOSTD_TASK_CANCEL] = USES_APP | USES_RELEASE | USES_TASK,
	[HOSTD_TASK_CLEAN] = USES_APP | USES_RELEASE | USES_TASK,
	[HOSTD_LOGS_OPEN] = USES_APP | MAY_PROCESS,
	[HOSTD_APP_REMOVE] = USES_APP,
};

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int check_names(const struct hostd_request *r, unsigned use, struct err *err)
{
	if (!ends(r->app, sizeof r->app) || !ends(r->process, sizeof r->process))
		return err_set(err, EBADMSG, "a name without its end");
	if (use & USES_APP) {
		if (ident_check_app(r->app, err) < 0)
			return -EBADMSG;
	} else if (r->app[0] != '\0') {
		return err_set(err, EBADMSG, "an app where none belongs");
	}
	if ((use & USES_PROCESS) || ((use & MAY_PROCESS) && r->process[0] != '\0')) {
		if (ident_check_process(r->process, err) < 0)
			return -EBADMSG;
	} else if (r->process[0] != '\0') {
		return err_set(err, EBADMSG, "a process where none belongs");
	}
	return 0;
}

static int check_numbers(const struct hostd_request *r, unsigned use, struct err *err)
{
	bool release = (use & USES_RELEASE) != 0, process = (use & USES_PROCESS) != 0;

	if (release != (r->release > 0) || r->release > RELEASE_MAX)
		return err_set(err, EBADMSG, "release %u", r->release);
	if (process != (r->index > 0) || r->index > INDEX_MAX)
		return err_set(err, EBADMSG, "index %u", r->index);
	if (r->task > HOSTD_RELEASE_COMMAND || (!(use & USES_TASK) && r->task != 0))
		return err_set(err, EBADMSG, "task %u", r->task);
	if (r->lines > HOSTD_LINES_MAX)
		return err_set(err, EBADMSG, "%u lines", r->lines);
	if (r->fresh > 1 || r->listens > 1 || r->follow > 1)
		return err_set(err, EBADMSG, "a flag that is neither 0 nor 1");
	if (r->port > UINT16_MAX || (r->port > 0 && r->port < 1024))
		return err_set(err, EBADMSG, "port %u", r->port);
	return 0;
}

static int check_limits(const struct hostd_request *r, unsigned use, struct err *err)
{
	bool used = (use & USES_LIMITS) != 0;

	if (used != (r->code_release > 0) || r->code_release > RELEASE_MAX)
		return err_set(err, EBADMSG, "code release %u", r->code_release);
	if (r->memory_max != 0 &&
		(!used || r->memory_max < MEMORY_MIN || r->memory_max > MEMORY_MAX))
		return err_set(err, EBADMSG, "a memory limit of %llu bytes",
			(unsigned long long)r->memory_max);
	if (r->stop_timeout_ms > TIME_MAX_MS || r->timeout_ms > TIME_MAX_MS)
		return err_set(err, EBADMSG, "a timeout of more than a week");
	if (r->volume_count > (used ? HOSTD_VOLUMES_MAX : 0))
		return err_set(err, EBADMSG, "%u volumes", r->volume_count);
	for (unsigned n = 0; n < r->volume_count; n++)
		if (!ends(r->volumes[n], sizeof r->volumes[n]) ||
			ident_check_process(r->volumes[n], err) < 0)
			return err_set(err, EBADMSG, "volume %u has no valid name", n + 1);
	return 0;
}

int hostd_request_check(const void *packet, size_t len, struct hostd_request *ret, struct err *err)
{
	struct hostd_request r;

	if (len != sizeof r)
		return err_set(
			err, EBADMSG, "a request of %zu bytes instead of %zu", len, sizeof r);
	memcpy(&r, packet, sizeof r);
	if (r.magic != HOSTD_MAGIC)
		return err_set(err, EBADMSG, "a request of another version (%08x)", r.magic);
	if (r.verb < HOSTD_HELLO || r.verb > HOSTD_APP_REMOVE)
		return err_set(err, EBADMSG, "unknown verb %u", r.verb);
	int result = check_names(&r, uses[r.verb], err);
	if (result == 0)
		result = check_numbers(&r, uses[r.verb], err);
	if (result == 0)
		result = check_limits(&r, uses[r.verb], err);
	if (result == 0)
		*ret = r;
	return result;
}

int hostd_message_check(const void *packet, size_t len, struct hostd_message *ret, struct err *err)
{
	struct hostd_message m;

	if (len != sizeof m)
		return err_set(
			err, EBADMSG, "a message of %zu bytes instead of %zu", len, sizeof m);
	memcpy(&m, packet, sizeof m);
	if (m.magic != HOSTD_MAGIC || m.type < HOSTD_REPLY || m.type > HOSTD_TASK_DONE)
		return err_set(err, EBADMSG, "a message of another version");
	if (!ends(m.app, sizeof m.app) || !ends(m.process, sizeof m.process) ||
		!ends(m.text, sizeof m.text) || m.state > HOSTD_GONE ||
		m.task > HOSTD_RELEASE_COMMAND)
		return err_set(err, EBADMSG, "a malformed message");
	*ret = m;
	return 0;
}
