/* SPDX-License-Identifier: Apache-2.0
 *
 * struct runtime: starts, watches and stops what belongs to apps. Two implementations stand behind
 * one table: `systemd` (units, through berth-hostd) and `embedded` (own children, for standalone
 * mode). The deploy engine knows only this header.
 *
 * Everything is asynchronous on the agent's loop and idempotent: starting what runs and stopping
 * what is gone are successes. What runs survives the agent; runtime_list() finds it again.
 */
#ifndef BERTH_AGENT_RUNTIME_H
#define BERTH_AGENT_RUNTIME_H

#include "lib/base/err.h"
#include "lib/base/ident.h"

#define RUNTIME_ADDRESS_MAX 160

struct ev_loop;

/* Names one instance for good. */
struct instance_id {
	char app[IDENT_APP_MAX + 1];
	char process[IDENT_PROCESS_MAX + 1];
	unsigned release;
	unsigned index; /* from 1 */
};

struct instance_spec {
	struct instance_id id;
	/* The release whose app/ folder runs: its own, or the one that a change of environment took the
	 * code from. 0: its own. */
	unsigned code_release;
	bool listens;
	unsigned port; /* loopback TCP port, 0: a UNIX socket when `listens` */
	uint64_t memory_max; /* bytes, 0: none */
	uint64_t stop_timeout_ms;
};

enum instance_state { INSTANCE_STARTING, INSTANCE_RUNNING, INSTANCE_RESTARTING, INSTANCE_FAILED };

struct instance_status {
	struct instance_id id;
	enum instance_state state;
	unsigned restarts;
	int64_t since_ms; /* wall clock of the last start */
	uint64_t memory_bytes; /* 0: unknown */
	char reason[128]; /* why it is not running: "exited with status 3" */
};

/* A task runs once: a build, or a release command. At most one of each kind for a release. */
enum task_kind { TASK_BUILD, TASK_RELEASE_COMMAND };

struct task_spec {
	enum task_kind kind;
	char app[IDENT_APP_MAX + 1];
	unsigned release;
	unsigned code_release; /* as in struct instance_spec */
	bool plan_only; /* TASK_BUILD: detect, write the plan, execute nothing */
	uint64_t memory_max; /* bytes, 0: none */
	uint64_t timeout_ms;
};

struct task_result {
	bool ok;
	bool timed_out;
	bool out_of_memory;
	int exit_status; /* when it exited, else -1 */
	char reason[128]; /* words when not ok: "ran out of memory (limit 512 MB)" */
};

struct runtime_callbacks {
	/* A line of a task's output, without its newline, made valid UTF-8, at most 16 KiB. */
	void (*on_task_line)(void *data, const struct task_spec *task, struct str line);
	/* The task is over, every process of it gone, every line delivered. */
	void (*on_task_done)(
		void *data, const struct task_spec *task, const struct task_result *result);
	/* Started, stopped, crashed, restarting: read the status, it is complete. */
	void (*on_instance_change)(void *data, const struct instance_status *status);
	/* The instance asked for with runtime_stop() is gone with all its processes. */
	void (*on_instance_stopped)(void *data, const struct instance_id *id);
	void *data;
};

struct runtime;

/* Which log lines: the last `lines`, then what follows when `follow`, else end of file. */
struct log_query {
	const char *app;
	const char *process; /* NULL: of all */
	unsigned lines;
	bool follow;
};

struct runtime_ops {
	const char *name; /* "systemd", "embedded" */
	int (*start)(struct runtime *rt, const struct instance_spec *spec, struct err *err);
	int (*stop)(struct runtime *rt, const struct instance_id *id, struct err *err);
	int (*run_task)(struct runtime *rt, const struct task_spec *spec, struct err *err);
	int (*cancel_task)(struct runtime *rt, const struct task_spec *spec);
	/* Calls back for each instance that exists, from what is really there. */
	int (*list)(struct runtime *rt, void (*each)(void *data, const struct instance_status *s),
		void *data, struct err *err);
	/* A descriptor from which JSON lines {"time","process","index","release","line"} come.
	 * Non-blocking; the caller closes it. */
	int (*open_logs)(
		struct runtime *rt, const struct log_query *query, int *ret_fd, struct err *err);
	/* Ends and removes everything of an app except its volumes. */
	int (*remove_app)(struct runtime *rt, const char *app, struct err *err);
	void (*free)(struct runtime *rt);
};

/* First member of each implementation. */
struct runtime {
	const struct runtime_ops *ops;
	struct runtime_callbacks callbacks;
	struct ev_loop *loop;
};

/* Where things are; see docs/ARCHITECTURE.md, "On disk". Borrowed for the runtime's life. */
struct runtime_paths {
	const char *state; /* /var/lib/berth, or DIR */
	const char *run; /* /run/berth, or DIR/run */
	const char *programs; /* folder of berth-build and berth-launch */
};

struct runtime *runtime_embedded_new(struct ev_loop *loop, const struct runtime_paths *paths,
	const struct runtime_callbacks *callbacks, struct err *err);
struct runtime *runtime_systemd_new(struct ev_loop *loop, const struct runtime_paths *paths,
	const struct runtime_callbacks *callbacks, struct err *err);

/* The address at which a listening instance answers: "unix:..." or "tcp:127.0.0.1:PORT". */
void runtime_address(const struct runtime_paths *paths, const struct instance_spec *spec,
	char to[RUNTIME_ADDRESS_MAX]);

/* "shop.7.web.1", for unit names, folders and logs; and back. */
#define INSTANCE_NAME_MAX (IDENT_APP_MAX + IDENT_PROCESS_MAX + 24)
void instance_name(const struct instance_id *id, char to[INSTANCE_NAME_MAX]);
int instance_parse(const char *name, struct instance_id *ret);

#endif
