/* SPDX-License-Identifier: Apache-2.0
 *
 * The event stream of a deploy, to its end.
 */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>

#include "cli/api.h"
#include "cli/event.h"
#include "cli/interrupt.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/sys/fd.h"

#define TICK_MS 100u
#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 2000
#define RECONNECT_MAX_MS 60000 /* of tries in vain, after which we give up */

struct watch {
	struct cli *cli;
	struct progress *p;
	char *path; /* of the deploy */
	uint64_t id, last_seq;
	int interrupt_fd;
	unsigned interrupts;
	bool is_detached, is_lost;
	struct event end; /* json is NULL until it has come */
	json_t *plan; /* the last one seen, or NULL */
};

struct progress *watch_display_new(const struct cli *cli)
{
	const struct output *o = &cli->out;
	struct progress_style style = {.is_live = o->err_is_terminal && !getenv("CI"),
		.color = o->err_color,
		.is_unicode = o->is_unicode,
		.is_verbose = o->is_verbose,
		.width = output_width(STDERR_FILENO)};
	return o->is_json || o->is_quiet ? NULL : progress_new(&style);
}

void watch_flush(struct progress *p)
{
	if (!p)
		return;
	struct buf *b = progress_output(p);
	if (buf_len(b))
		(void)fd_write_all(STDERR_FILENO, buf_data(b), buf_len(b));
	buf_clear(b);
	progress_set_width(p, output_width(STDERR_FILENO));
}

static void say(struct watch *w, const char *words)
{
	if (w->p) {
		progress_note(w->p, words);
		watch_flush(w->p);
	} else {
		output_note(&w->cli->out, "%s", words);
	}
}

static void note_plan(struct watch *w, const json_t *plan)
{
	json_decref(w->plan);
	w->plan = json_deep_copy(plan);
}

/* An end that is none of the good ones is no success, whatever it says. */
static void check_end(struct event *e)
{
	if (e->exit == CLI_OK && !streq(e->state, "live") && !streq(e->state, "planned"))
		e->exit = CLI_BUG;
}

static int on_line(void *data, struct str line)
{
	struct watch *w = data;
	struct event e;
	if (event_parse(line, &e) < 0)
		return 0; /* what is not an event is not worth breaking off */
	/* After a reconnect the stream begins again; the end counts in any case. */
	if (e.seq && e.seq <= w->last_seq && e.type != EVENT_END) {
		event_clear(&e);
		return 0;
	}
	w->last_seq = e.seq ? e.seq : w->last_seq;
	if (e.plan)
		note_plan(w, e.plan);
	if (w->cli->out.is_json) {
		(void)json_dumpf(e.json, stdout,
			JSON_COMPACT | (w->cli->out.out_is_terminal ? JSON_ENSURE_ASCII : 0));
		(void)fputc('\n', stdout);
		(void)fflush(stdout);
	}
	if (w->p) {
		progress_on_event(w->p, &e, clock_monotonic_ms());
		watch_flush(w->p);
	}
	if (e.type != EVENT_END) {
		event_clear(&e);
		return 0;
	}
	check_end(&e);
	w->end = e;
	return -ESHUTDOWN; /* nothing follows: do not wait for the connection to say so */
}

/* The first Ctrl-C: the agent cancels and says so in the stream, which goes on. */
static void cancel(struct watch *w)
{
	struct api_answer answer = {0};
	struct failure f;
	say(w, "cancelling; Ctrl-C again leaves it to the agent");
	if (api_call(w->cli->http, &(struct api_request){"DELETE", w->path, NULL}, &answer, &f) !=
		CLI_OK)
		say(w, f.message);
	api_answer_clear(&answer);
}

static int on_wake(void *data)
{
	struct watch *w = data;
	unsigned n = interrupt_count();
	if (w->p) {
		progress_tick(w->p, clock_monotonic_ms());
		watch_flush(w->p);
	}
	if (n == w->interrupts)
		return 0;
	bool is_first = w->interrupts == 0;
	w->interrupts = n;
	if (is_first && n == 1) {
		cancel(w);
		return 0;
	}
	w->is_detached = true;
	return -EINTR;
}

/* Between two tries; Ctrl-C ends the waiting. */
static void pause_before_retry(struct watch *w, int ms)
{
	struct pollfd fd = {.fd = w->interrupt_fd, .events = POLLIN};
	if (poll(&fd, 1, ms) > 0 || interrupt_count() != w->interrupts) {
		w->interrupts = interrupt_count();
		w->is_detached = true;
	}
}

/* The events are gone (a restarted agent), the deploy may not be: asks for its state. True when
 * there is nothing more to wait for: *f then says why, or w->end is filled. */
static bool ask_state(struct watch *w, struct failure *f)
{
	struct api_answer answer = {0};
	int r = api_call(w->cli->http, &(struct api_request){"GET", w->path, NULL}, &answer, f);
	if (r == CLI_NOT_FOUND)
		return true;
	if (r != CLI_OK)
		return false;
	if (!json_is_string(json_object_get(answer.json, "ended"))) {
		api_answer_clear(&answer);
		return false;
	}
	json_t *end = answer.json;
	(void)json_object_set_new(end, "type", json_string("end"));
	_cleanup_free_ char *line = json_dumps(end, JSON_COMPACT);
	(void)on_line(w, str_from(line ? line : ""));
	api_answer_clear(&answer);
	return w->end.json != NULL;
}

/* Nothing came of this try: how long to wait before the next one. */
static int next_delay(struct watch *w, int delay, bool has_progressed)
{
	delay = has_progressed ? RETRY_FIRST_MS : delay * 2;
	if (delay == 2 * RETRY_FIRST_MS)
		say(w, "the connection is lost; trying again");
	return delay > RETRY_MAX_MS ? RETRY_MAX_MS : delay;
}

/* Streams until the end event, Ctrl-C, or until the agent stays away. */
static int stream(struct watch *w, struct failure *f)
{
	_cleanup_free_ char *path = xasprintf("%s/events", w->path);
	struct api_lines lines = {on_line, w};
	int delay = RETRY_FIRST_MS;
	int64_t alive_ms = clock_monotonic_ms(); /* when the agent was last there for us */
	while (!w->is_detached) {
		uint64_t seq = w->last_seq;
		int64_t began_ms = clock_monotonic_ms();
		struct api_stream_end end = {0};
		int r = api_stream(w->cli->http, path, &lines, &end, f);
		int64_t now_ms = clock_monotonic_ms();
		if (w->end.json)
			return w->end.exit;
		if (w->is_detached)
			break;
		if (r == CLI_NOT_FOUND && ask_state(w, f))
			return w->end.json ? w->end.exit : f->exit;
		if (r != CLI_OK && r != CLI_NOT_FOUND && !end.is_broken)
			return r;
		/* A build may be silent for long; a stream that lasted was a good one. */
		bool has_lasted = end.was_answered && now_ms - began_ms > RETRY_MAX_MS;
		if (w->last_seq > seq || has_lasted)
			alive_ms = now_ms;
		if (now_ms - alive_ms > RECONNECT_MAX_MS) {
			w->is_lost = true;
			return CLI_UNREACHABLE;
		}
		delay = next_delay(w, delay, w->last_seq > seq || has_lasted);
		pause_before_retry(w, delay);
	}
	return CLI_INTERRUPTED;
}

static void print_success(const struct watch *w)
{
	const struct event *e = &w->end;
	const struct output *o = &w->cli->out;
	char took[32];
	uint64_t ms = (uint64_t)(clock_monotonic_ms() - w->cli->began_ms);
	format_duration(ms, took, sizeof took);
	if (o->is_json)
		return;
	if (streq(e->state, "planned")) {
		plan_print(w->cli, w->plan);
		return;
	}
	if (e->release)
		output_note(o, "%s v%u is live after %s", w->cli->app, e->release, took);
	else
		output_note(o, "%s is live after %s", w->cli->app, took);
	if (*e->url)
		output_line(o, "%s", e->url);
}

static const char *end_words(const char *state)
{
	if (streq(state, "cancelled"))
		return "the deploy was cancelled";
	if (streq(state, "superseded"))
		return "a newer deploy took over";
	return "the deploy failed";
}

static void print_failure(const struct watch *w)
{
	const struct event *e = &w->end;
	struct output words = w->cli->out;
	struct failure f = {.exit = e->exit};
	if (words.is_json)
		return; /* the end event has said it */
	(void)snprintf(f.message, sizeof f.message, "%s%s%s", end_words(e->state),
		*e->reason ? ": " : "", e->reason);
	bool is_shown = e->exit != CLI_INTERRUPTED && e->exit != CLI_CONFLICT && w->p;
	(void)snprintf(f.hint, sizeof f.hint, "%s",
		*e->hint   ? e->hint
		: is_shown ? "nothing changed for visitors; the lines above say why"
			   : "");
	(void)output_failure(&words, &f);
}

static int report(struct watch *w, int exit_code, struct failure *f)
{
	const struct output *o = &w->cli->out;
	if (w->end.json && exit_code == CLI_OK)
		print_success(w);
	else if (w->end.json)
		print_failure(w);
	else if (w->is_detached)
		output_note(
			o, "the deploy goes on without us; to see it again: berth deploy --attach");
	else if (w->is_lost)
		return output_fail(o, CLI_UNREACHABLE,
			"the deploy may go on there; later: berth deploy --attach",
			"%s does not answer any more", http_client_name(w->cli->http));
	else
		return output_failure(o, f);
	return exit_code;
}

int watch_deploy(struct cli *cli, const json_t *deploy, struct progress *p)
{
	struct watch w = {.cli = cli, .p = p, .interrupt_fd = interrupt_open()};
	struct failure f = {.exit = CLI_BUG};
	struct http_wait wait = {
		.fd = w.interrupt_fd, .tick_ms = p ? TICK_MS : 0, .on_wake = on_wake, .data = &w};
	char rest[64];
	w.id = (uint64_t)cli_number(deploy, "id");
	(void)snprintf(rest, sizeof rest, "/deploys/%llu", (unsigned long long)w.id);
	w.path = cli_app_path(cli, rest);
	http_client_set_wait(cli->http, &wait);
	int exit_code = stream(&w, &f);
	http_client_set_wait(cli->http, NULL);
	if (p) {
		progress_hide(p);
		watch_flush(p);
	}
	exit_code = report(&w, exit_code, &f);
	event_clear(&w.end);
	json_decref(w.plan);
	free(w.path);
	return exit_code;
}

int watch_or_detach(struct cli *cli, const json_t *deploy, struct progress *p)
{
	if (!args_has(&cli->args, "no-wait") && !args_has(&cli->args, "detach"))
		return watch_deploy(cli, deploy, p);
	if (cli->out.is_json)
		return cli_print_json(cli, deploy);
	output_note(&cli->out, "deploy %lld is on its way; to follow it: berth deploy --attach",
		(long long)cli_number(deploy, "id"));
	return CLI_OK;
}
