/* SPDX-License-Identifier: Apache-2.0
 *
 * The display of a deploy.
 */
#include "cli/progress.h"

#include "cli/text.h"
#include "lib/base/parse.h"

#define OUTPUT_MAX (4u << 20)
#define LINE_BYTES_MAX 2000u /* of one output line; the rest is cut */
#define NAME_COLUMN 24u /* where durations are aligned */
#define FRAME_MS 100
#define WAIT_LABEL "wait for other deploys"
#define WAIT_WORTH_MS 500 /* less than that is not worth a line */

struct step {
	char *name; /* NULL: nothing runs */
	char *detail; /* the last output line, or what the client says; clean */
	int64_t began_ms; /* monotonic, when we heard of it */
	int64_t began_wall_ms; /* the agent's clock; 0: a step of the client */
	bool is_announced;
};

struct progress {
	struct progress_style style;
	struct buf out;
	struct step step;
	bool is_line_drawn;
	bool has_failed_step; /* told already which step failed */
	char *tail[PROGRESS_TAIL_LINES]; /* ring of output lines, clean */
	size_t tail_count;
};

struct progress *progress_new(const struct progress_style *style)
{
	struct progress *p = xnew(struct progress);
	p->style = *style;
	p->out = BUF_INIT(OUTPUT_MAX);
	return p;
}

static void forget_tail(struct progress *p)
{
	for (size_t i = 0; i < PROGRESS_TAIL_LINES; i++) {
		free(p->tail[i]);
		p->tail[i] = NULL;
	}
	p->tail_count = 0;
}

static void forget_step(struct progress *p)
{
	free(p->step.name);
	free(p->step.detail);
	p->step = (struct step){0};
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	forget_step(p);
	forget_tail(p);
	buf_free(&p->out);
	free(p);
}

struct buf *progress_output(struct progress *p)
{
	return &p->out;
}

void progress_set_width(struct progress *p, unsigned width)
{
	p->style.width = width;
}

/* What does not fit in the buffer between two writes is not shown: the display is for a person. */
static void put(struct progress *p, const char *s)
{
	if (buf_puts(&p->out, s) < 0)
		return;
}

static void put_str(struct progress *p, struct str s)
{
	if (s.len && buf_append(&p->out, s.p, s.len) < 0)
		return;
}

static const char *dim(const struct progress *p)
{
	return p->style.color ? "\x1b[2m" : "";
}

static const char *plain(const struct progress *p)
{
	return p->style.color ? "\x1b[0m" : "";
}

void progress_hide(struct progress *p)
{
	if (p->is_line_drawn)
		put(p, "\r\x1b[K");
	p->is_line_drawn = false;
}

static char *cleaned(const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LINE_BYTES_MAX);
	text_clean(str_from(text), &b);
	return xstrndup(buf_len(&b) ? buf_data(&b) : "", buf_len(&b));
}

/* "✓ name                  4.2s  detail" */
static void put_finished(struct progress *p, bool is_ok, const char *detail, uint64_t ms)
{
	char took[32];
	const char *mark = p->style.is_unicode ? (is_ok ? "✓" : "✗") : is_ok ? "ok" : "failed:";
	const char *color = is_ok ? "\x1b[32m" : "\x1b[1;31m";
	size_t width = text_width(str_from(p->step.name));

	format_duration(ms, took, sizeof took);
	progress_hide(p);
	put(p, p->style.color ? color : "");
	put(p, mark);
	put(p, plain(p));
	put(p, " ");
	put(p, p->step.name);
	for (size_t i = width; i < NAME_COLUMN; i++)
		put(p, " ");
	put(p, "  ");
	put(p, took);
	if (detail && *detail) {
		_cleanup_free_ char *clean = cleaned(detail);
		put(p, "  ");
		put(p, dim(p));
		put(p, clean);
		put(p, plain(p));
	}
	put(p, "\n");
}

static void finish(struct progress *p, bool is_ok, const char *detail, uint64_t ms)
{
	if (!p->step.name)
		return;
	put_finished(p, is_ok, detail, ms);
	p->has_failed_step = p->has_failed_step || !is_ok;
	forget_step(p);
}

/* Elsewhere than on a terminal: a final line that says what runs now. */
static void announce(struct progress *p)
{
	put(p, "==> ");
	put(p, p->step.name);
	put(p, "\n");
	p->step.is_announced = true;
}

static void begin(struct progress *p, const char *name, int64_t now_ms, int64_t wall_ms)
{
	forget_step(p);
	p->step =
		(struct step){.name = cleaned(name), .began_ms = now_ms, .began_wall_ms = wall_ms};
	/* A wait that is over at once is not worth a line. */
	if (p->style.is_live || streq(name, WAIT_LABEL))
		progress_tick(p, now_ms);
	else
		announce(p);
}

static uint64_t since(int64_t then, int64_t now)
{
	return now > then ? (uint64_t)(now - then) : 0;
}

void progress_begin(struct progress *p, const char *name, int64_t now_ms)
{
	begin(p, name, now_ms, 0);
}

void progress_detail(struct progress *p, const char *detail)
{
	free(p->step.detail);
	p->step.detail = cleaned(detail);
}

void progress_finish(struct progress *p, bool is_ok, const char *detail, int64_t now_ms)
{
	finish(p, is_ok, detail, since(p->step.began_ms, now_ms));
}

/* Ends the running step at the time of an event, by the agent's clock where both ends are its. */
static void finish_at(struct progress *p, bool is_ok, const struct event *e, int64_t now_ms)
{
	bool has_wall = p->step.began_wall_ms && e->time_ms;
	finish(p, is_ok, NULL,
		has_wall ? since(p->step.began_wall_ms, e->time_ms)
			 : since(p->step.began_ms, now_ms));
}

/* An indented line of its own. */
static void put_line(struct progress *p, const char *prefix, const char *text, bool is_dim)
{
	_cleanup_free_ char *clean = cleaned(text);
	progress_hide(p);
	put(p, "    ");
	put(p, is_dim ? dim(p) : "");
	put(p, prefix);
	put(p, clean);
	put(p, is_dim ? plain(p) : "");
	put(p, "\n");
}

void progress_note(struct progress *p, const char *text)
{
	_cleanup_free_ char *clean = cleaned(text);
	progress_hide(p);
	put(p, clean);
	put(p, "\n");
}

/* What a state is called; NULL for those that are steps of their own, or no business of a person
 * who waits. */
static const char *state_label(const char *state)
{
	static const struct {
		const char *state, *label;
	} labels[] = {
		{"queued", WAIT_LABEL},
		{"checkout", "check out"},
		{"releasing", "release command"},
		{"starting", "start"},
		{"checking", "health check"},
		{"swapping", "swap"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (streq(labels[i].state, state))
			return labels[i].label;
	return NULL;
}

static void on_state(struct progress *p, const struct event *e, int64_t now_ms)
{
	const char *label = state_label(e->state);
	/* Nobody waited: no line for it. */
	if (p->step.name && streq(p->step.name, WAIT_LABEL) && !p->step.is_announced &&
		since(p->step.began_wall_ms, e->time_ms) < WAIT_WORTH_MS) {
		progress_hide(p);
		forget_step(p);
	}
	finish_at(p, true, e, now_ms);
	/* What is printed from here on belongs to another phase; checking goes on from starting. */
	if (!streq(e->state, "checking"))
		forget_tail(p);
	if (label)
		begin(p, label, now_ms, e->time_ms);
}

static void on_step(struct progress *p, const struct event *e, int64_t now_ms)
{
	_cleanup_free_ char *name = cleaned(e->name);
	/* A state and the one step in it may have one name: that is one line. */
	bool is_running = p->step.name && streq(p->step.name, name);
	if (!is_running && streq(e->status, "started")) {
		finish_at(p, true, e, now_ms);
		forget_tail(p);
	}
	if (!is_running)
		begin(p, e->name, now_ms, e->time_ms);
	if (!streq(e->status, "started"))
		finish(p, streq(e->status, "done"), NULL, e->ms);
}

static void on_log(struct progress *p, const struct event *e)
{
	bool is_app = streq(e->source, "app") && *e->process;
	_cleanup_free_ char *prefix = is_app ? cleaned(e->process) : xstrdup("");
	_cleanup_free_ char *labelled = xasprintf("%s%s", prefix, is_app ? ": " : "");
	_cleanup_free_ char *clean = cleaned(e->line);
	char **slot = &p->tail[p->tail_count++ % PROGRESS_TAIL_LINES];
	free(*slot);
	*slot = xasprintf("%s%s", labelled, clean);
	if (p->style.is_live && !p->style.is_verbose)
		progress_detail(p, e->line);
	else
		put_line(p, labelled, clean, p->style.is_live);
}

static void put_tail(struct progress *p)
{
	size_t n = p->tail_count < PROGRESS_TAIL_LINES ? p->tail_count : PROGRESS_TAIL_LINES;
	if (p->tail_count > n) {
		char words[80];
		(void)snprintf(words, sizeof words, "(the last %zu of %zu lines; all with -v)", n,
			p->tail_count);
		put_line(p, "", words, true);
	}
	for (size_t i = p->tail_count - n; i < p->tail_count; i++)
		put_line(p, "", p->tail[i % PROGRESS_TAIL_LINES], false);
}

static void on_end(struct progress *p, const struct event *e, int64_t now_ms)
{
	finish_at(p, e->exit == 0, e, now_ms);
	/* Elsewhere the lines are on the screen already. */
	if (e->exit != 0 && p->style.is_live && !p->style.is_verbose)
		put_tail(p);
	progress_hide(p);
}

void progress_on_event(struct progress *p, const struct event *e, int64_t now_ms)
{
	switch (e->type) {
	case EVENT_STATE:
		on_state(p, e, now_ms);
		break;
	case EVENT_STEP:
		on_step(p, e, now_ms);
		break;
	case EVENT_REASON:
		put_line(p, "", e->text, true);
		break;
	case EVENT_LOG:
		on_log(p, e);
		break;
	case EVENT_NOTICE:
		put_line(p, "", e->text, false);
		break;
	case EVENT_END:
		on_end(p, e, now_ms);
		break;
	case EVENT_PLAN:
	case EVENT_OTHER:
		break;
	}
}

static const char *frame(const struct progress *p, int64_t ms)
{
	static const char *const braille[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	static const char *const ascii[] = {"|", "/", "-", "\\"};
	size_t i = (size_t)(ms / FRAME_MS);
	return p->style.is_unicode ? braille[i % ARRAY_SIZE(braille)]
				   : ascii[i % ARRAY_SIZE(ascii)];
}

void progress_tick(struct progress *p, int64_t now_ms)
{
	if (!p->step.name)
		return;
	uint64_t ms = since(p->step.began_ms, now_ms);
	if (!p->style.is_live) {
		if (!p->step.is_announced && ms >= WAIT_WORTH_MS)
			announce(p);
		return;
	}
	_cleanup_buf_ struct buf line = BUF_INIT(2 * LINE_BYTES_MAX + 64);
	if (buf_printf(&line, "%s %s  %llu.%llus", frame(p, (int64_t)ms), p->step.name,
		    (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100) < 0)
		return;
	size_t head = buf_len(&line);
	if (p->step.detail && buf_printf(&line, "  %s", p->step.detail) < 0)
		return;
	unsigned width = p->style.width > 1 ? p->style.width - 1 : 79;
	struct str fit = text_fit((struct str){buf_data(&line), buf_len(&line)}, width);
	/* One write of head and rest: what changed is overwritten, what is left over erased. */
	put(p, "\r");
	put_str(p, (struct str){fit.p, fit.len < head ? fit.len : head});
	if (fit.len > head) {
		put(p, dim(p));
		put_str(p, (struct str){fit.p + head, fit.len - head});
		put(p, plain(p));
	}
	put(p, "\x1b[K");
	p->is_line_drawn = true;
}
