/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON by jansson; unknown members are ignored, missing ones are errors.
 */
#include "agent/runtime/supervised.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "lib/sys/file.h"

#define STATE_BYTES_MAX 4096

static void json_free(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(json_free)

static int read_object(const char *path, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	int r = file_read(path, STATE_BYTES_MAX, &text, &len, NULL);
	if (r < 0)
		return r;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return -EBADMSG;
	}
	*ret = root;
	return 0;
}

static int parse_state(const char *name, struct supervised *s)
{
	static const struct {
		const char *name;
		enum instance_state state;
	} states[] = {
		{"starting", INSTANCE_STARTING},
		{"running", INSTANCE_RUNNING},
		{"restarting", INSTANCE_RESTARTING},
		{"ended", INSTANCE_FAILED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (streq(name, states[i].name)) {
			s->state = states[i].state;
			s->ended = states[i].state == INSTANCE_FAILED;
			return 0;
		}
	}
	return -EBADMSG;
}

int supervised_read(const char *path, struct supervised *ret)
{
	_cleanup_json_ json_t *root = NULL;
	const char *state, *reason;
	json_int_t pid, start, restarts, since, exit_status;
	int timed_out, out_of_memory;
	struct supervised s = {0};

	int r = read_object(path, &root);
	if (r < 0)
		return r;
	if (json_unpack(root, "{s:I,s:I,s:s,s:I,s:I,s:I,s:b,s:b,s:s}", "pid", &pid, "start_time",
		    &start, "state", &state, "restarts", &restarts, "since_ms", &since, "exit",
		    &exit_status, "timed_out", &timed_out, "out_of_memory", &out_of_memory,
		    "reason", &reason) != 0)
		return -EBADMSG;
	if (pid <= 1 || pid > INT32_MAX || start <= 0 || parse_state(state, &s) < 0 ||
		str_copy(s.reason, sizeof s.reason, str_from(reason)) < 0)
		return -EBADMSG;
	s.pid = (pid_t)pid;
	s.start_time = (uint64_t)start;
	s.restarts = (unsigned)restarts;
	s.since_ms = since;
	s.exit_status = (int)exit_status;
	s.timed_out = timed_out;
	s.out_of_memory = out_of_memory;
	*ret = s;
	return 0;
}

int supervised_write_spec(const char *path, const struct instance_spec *spec, struct err *err)
{
	_cleanup_json_ json_t *root = json_pack("{s:i,s:b,s:i,s:I,s:I}", "code_release",
		(int)spec->code_release, "listens", (int)spec->listens, "port", (int)spec->port,
		"memory_max", (json_int_t)spec->memory_max, "stop_timeout_ms",
		(json_int_t)spec->stop_timeout_ms);
	_cleanup_free_ char *text = json_dumps(root, JSON_COMPACT);

	must(text);
	return file_update(path, text, strlen(text), S_IRUSR | S_IWUSR, err);
}

int supervised_read_spec(const char *path, struct instance_spec *ret)
{
	_cleanup_json_ json_t *root = NULL;
	json_int_t code_release, port, memory_max, stop_timeout_ms;
	int listens;

	int r = read_object(path, &root);
	if (r < 0)
		return r;
	if (json_unpack(root, "{s:I,s:b,s:I,s:I,s:I}", "code_release", &code_release, "listens",
		    &listens, "port", &port, "memory_max", &memory_max, "stop_timeout_ms",
		    &stop_timeout_ms) != 0)
		return -EBADMSG;
	ret->code_release = (unsigned)code_release;
	ret->listens = listens;
	ret->port = (unsigned)port;
	ret->memory_max = (uint64_t)memory_max;
	ret->stop_timeout_ms = (uint64_t)stop_timeout_ms;
	return 0;
}
