/* SPDX-License-Identifier: Apache-2.0
 *
 * What berth-agent and berth-hostd say to each other: messages of one fixed size each way, one per
 * packet of a SOCK_SEQPACKET socket, so that the root program needs no parser. Texts are fixed
 * arrays with a NUL inside; whoever receives checks every field (hostd_request_check) and ends the
 * connection on the first thing that is wrong.
 *
 * Each request is answered by one HOSTD_REPLY with its id; that of HOSTD_TASK_RUN brings a descriptor
 * to read the task's output from. HOSTD_LOGS_OPEN brings one to write the lines to. Every verb may be repeated: starting what runs is a success.
 * HOSTD_INSTANCE and HOSTD_TASK_DONE come whenever something changed.
 */
#ifndef BERTH_LIB_IPC_HOSTD_H
#define BERTH_LIB_IPC_HOSTD_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/ident.h"

#define HOSTD_MAGIC 0x42480001u /* changes with every change of the structures below */
#define HOSTD_VOLUMES_MAX 16
#define HOSTD_LINES_MAX 10000

enum hostd_verb {
	HOSTD_HELLO = 1, /* fresh: the agent has just started, tasks of a former one end */
	HOSTD_INSTANCE_START,
	HOSTD_INSTANCE_STOP, /* and forget; HOSTD_INSTANCE with HOSTD_GONE says when */
	HOSTD_INSTANCE_LIST, /* HOSTD_INSTANCE for each, then the reply */
	HOSTD_TASK_RUN,
	HOSTD_TASK_CANCEL,
	HOSTD_TASK_CLEAN, /* HOSTD_TASK_DONE was received */
	HOSTD_LOGS_OPEN,
	HOSTD_APP_REMOVE, /* instances, tasks and build cache; volumes stay */
};

enum hostd_task { HOSTD_BUILD = 0, HOSTD_PLAN, HOSTD_RELEASE_COMMAND };

struct hostd_request {
	uint32_t magic;
	uint32_t verb;
	uint64_t id;
	char app[IDENT_APP_MAX + 1];
	char process[IDENT_PROCESS_MAX + 1]; /* HOSTD_LOGS_OPEN: empty for all */
	uint8_t fresh, listens, follow;
	uint32_t release, code_release, index;
	uint32_t port; /* 0: a UNIX socket when it listens */
	uint32_t task; /* enum hostd_task */
	uint32_t lines;
	uint32_t volume_count;
	uint64_t memory_max; /* bytes, 0: none */
	uint64_t stop_timeout_ms, timeout_ms;
	char volumes[HOSTD_VOLUMES_MAX][IDENT_PROCESS_MAX + 1];
};

enum hostd_message_type { HOSTD_REPLY = 1, HOSTD_INSTANCE, HOSTD_TASK_DONE };
enum hostd_state { HOSTD_STARTING, HOSTD_RUNNING, HOSTD_RESTARTING, HOSTD_FAILED, HOSTD_GONE };

struct hostd_message {
	uint32_t magic;
	uint32_t type;
	uint64_t id; /* HOSTD_REPLY: of the request */
	int32_t code; /* HOSTD_REPLY: 0 or a positive errno, words in `text` */
	char app[IDENT_APP_MAX + 1];
	char process[IDENT_PROCESS_MAX + 1];
	uint8_t timed_out, out_of_memory;
	uint32_t release, index;
	uint32_t state; /* enum hostd_state */
	uint32_t restarts;
	uint32_t task;
	int32_t exit_status; /* -1: none */
	int64_t since_ms;
	uint64_t memory_bytes;
	char text[192]; /* why */
};

/* Checks a packet of `len` bytes and copies it: size, magic, verb, every name and number that the
 * verb uses. The words of the error are for hostd's log. */
int hostd_request_check(const void *packet, size_t len, struct hostd_request *ret, struct err *err);
int hostd_message_check(const void *packet, size_t len, struct hostd_message *ret, struct err *err);

#endif
