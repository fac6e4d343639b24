/* SPDX-License-Identifier: Apache-2.0
 *
 * berth logs: what the processes of an app print.
 */
#include "cli/verbs/verbs.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "cli/api.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define LINES_DEFAULT 100u
#define LINES_MAX 10000u
#define RETRY_MS 1000
#define RETRIES_MAX 60
#define LINE_BYTES_MAX (1u << 20)
#define TIME_SIZE 40

struct logs {
	struct cli *cli;
	int64_t since_ms; /* 0: all */
	/* Where we are, to go on from after a lost connection: the time of the last line, and how
	 * many lines had that very time. */
	char last_time[TIME_SIZE];
	unsigned last_count;
	char resumed_time[TIME_SIZE]; /* lines before, and so many at it, have been printed */
	unsigned resumed_count;
	bool has_heard;
};

static const char *const colors[] = {"\x1b[36m", "\x1b[35m", "\x1b[33m", "\x1b[32m", "\x1b[34m"};

static const char *color_of(const struct logs *l, const char *process)
{
	unsigned sum = 0;
	for (const char *p = process; *p; p++)
		sum += (unsigned char)*p;
	return l->cli->out.out_color ? colors[sum % ARRAY_SIZE(colors)] : "";
}

static bool was_printed(struct logs *l, const char *time)
{
	if (!l->resumed_time[0])
		return false;
	int order = strcmp(time, l->resumed_time);
	if (order < 0)
		return true;
	if (order == 0 && l->resumed_count > 0) {
		l->resumed_count--;
		return true;
	}
	return false;
}

static void remember(struct logs *l, const char *time)
{
	l->last_count = streq(time, l->last_time) ? l->last_count + 1 : 1;
	(void)snprintf(l->last_time, sizeof l->last_time, "%s", time);
}

/* Local time of day for a person, the full one for a program. */
static void format_time(const struct logs *l, const char *time, char *to, size_t size)
{
	int64_t ms;
	struct tm tm;
	(void)snprintf(to, size, "%s", time);
	if (!l->cli->out.out_is_terminal || text_parse_time(time, &ms) < 0)
		return;
	time_t t = (time_t)(ms / 1000);
	if (localtime_r(&t, &tm))
		(void)strftime(to, size, "%H:%M:%S", &tm);
}

static void print(const struct logs *l, const json_t *j)
{
	char time[TIME_SIZE], name[96];
	format_time(l, cli_text(j, "time"), time, sizeof time);
	if (json_is_integer(json_object_get(j, "index")))
		(void)snprintf(name, sizeof name, "%s.%lld", cli_text(j, "process"),
			(long long)cli_number(j, "index"));
	else
		(void)snprintf(name, sizeof name, "%s", cli_text(j, "process"));
	_cleanup_free_ char *when = text_cleaned(time);
	_cleanup_free_ char *who = text_cleaned(name);
	_cleanup_free_ char *line = text_cleaned(cli_text(j, "line"));
	(void)printf("%s %s%s%s  %s\n", when, color_of(l, who), who,
		l->cli->out.out_color ? "\x1b[0m" : "", line);
}

static int on_line(void *data, struct str text)
{
	struct logs *l = data;
	json_auto_t *j = json_loadb(text.p, text.len, 0, NULL);
	const char *time = cli_text(j, "time");
	int64_t ms;
	l->has_heard = true;
	if (!j || was_printed(l, time))
		return 0;
	remember(l, time);
	if (l->since_ms && text_parse_time(time, &ms) == 0 && ms < l->since_ms)
		return 0;
	if (l->cli->out.is_json) {
		(void)json_dumpf(j, stdout,
			JSON_COMPACT | (l->cli->out.out_is_terminal ? JSON_ENSURE_ASCII : 0));
		(void)fputc('\n', stdout);
	} else {
		print(l, j);
	}
	return fflush(stdout) == 0 ? 0 : -EPIPE;
}

static int on_wake(void *data)
{
	(void)data;
	return interrupt_count() ? -EINTR : 0;
}

static char *make_path(const struct cli *cli, unsigned lines, bool follow)
{
	const char *process = args_value(&cli->args, "process");
	_cleanup_free_ char *escaped = process ? http_escape(process) : NULL;
	_cleanup_free_ char *rest = xasprintf("/logs?lines=%u&follow=%d%s%s", lines, follow,
		process ? "&process=" : "", process ? escaped : "");
	return cli_app_path(cli, rest);
}

/* With -f the stream ends only when it breaks, or by Ctrl-C, which is no error. */
static int stream(struct logs *l, unsigned lines, bool follow)
{
	struct cli *cli = l->cli;
	struct api_lines sink = {on_line, l};
	struct failure f;
	struct pollfd fd = {.fd = interrupt_open(), .events = POLLIN};
	int tries = 0;
	for (;;) {
		_cleanup_free_ char *path = make_path(cli, lines, follow);
		struct api_stream_end end = {0};
		l->has_heard = false;
		int r = api_stream(cli->http, path, &sink, &end, &f);
		tries = l->has_heard ? 0 : tries + 1;
		if (interrupt_count())
			return CLI_OK;
		if (!follow || (r != CLI_OK && !end.is_broken) || tries > RETRIES_MAX ||
			(r != CLI_OK && !l->last_time[0]))
			return r == CLI_OK ? r : output_failure(&cli->out, &f);
		(void)memcpy(l->resumed_time, l->last_time, sizeof l->resumed_time);
		l->resumed_count = l->last_count;
		lines = LINES_MAX;
		if (poll(&fd, 1, RETRY_MS) > 0)
			return CLI_OK;
	}
}

static int run(struct cli *cli)
{
	struct logs l = {.cli = cli};
	unsigned lines = LINES_DEFAULT;
	uint64_t since = 0;
	const char *n = args_value(&cli->args, "lines");
	const char *age = args_value(&cli->args, "since");
	if (n && parse_unsigned(n, 0, LINES_MAX, &lines) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL,
			"-n \"%s\" is not a number from 0 to %u", n, LINES_MAX);
	if (age && parse_duration(age, &since) < 0)
		return output_fail(&cli->out, CLI_USAGE, "write 10m, 2h or 1d",
			"--since \"%s\" is not a duration", age);
	if (age) {
		l.since_ms = clock_wall_ms() - (int64_t)since;
		lines = n ? lines : LINES_MAX;
	}
	int r = cli_find_app(cli);
	if (r == CLI_OK)
		r = cli_connect(cli);
	if (r != CLI_OK)
		return r;
	struct http_wait wait = {.fd = interrupt_open(), .on_wake = on_wake};
	http_client_set_wait(cli->http, &wait);
	r = stream(&l, lines, args_has(&cli->args, "follow"));
	http_client_set_wait(cli->http, NULL);
	return r;
}

static const struct option options[] = {
	{"follow", 'f', NULL, "go on with what is printed from now on"},
	{"lines", 'n', "N", "begin with the last N lines; 100"},
	{"process", 'p', "PROCESS", "only of this process, such as web"},
	{"since", 0, "TIME", "only of the last 10m, 2h, ..."},
};

const struct command verb_logs = {
	.name = "logs",
	.synonyms = " log tail ",
	.summary = "what the processes of an app print",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run,
};
