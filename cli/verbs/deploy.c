/* SPDX-License-Identifier: Apache-2.0
 *
 * berth deploy: the folder as it is becomes the live release. Checks berth.yaml, makes a commit of
 * the work tree, pushes it, starts the deploy and follows it to its end.
 */
#include "cli/verbs/verbs.h"

#include <errno.h>

#include "cli/api.h"
#include "cli/git.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/watch.h"
#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"

#define TICK_MS 100u

struct push {
	struct progress *p;
	size_t objects, bytes;
};

static void on_push_progress(void *data, size_t objects, size_t objects_total, size_t bytes)
{
	struct push *push = data;
	char size[32], words[96];
	push->objects = objects;
	push->bytes = bytes;
	if (!push->p)
		return;
	format_size(bytes, size, sizeof size);
	if (objects_total)
		(void)snprintf(words, sizeof words, "%zu of %zu objects, %s", objects,
			objects_total, size);
	else
		(void)snprintf(words, sizeof words, "%zu objects counted", objects);
	progress_detail(push->p, words);
	progress_tick(push->p, clock_monotonic_ms());
	watch_flush(push->p);
}

/* What the agent says meanwhile is progress; why it refuses a push comes with the error. */
static void on_push_message(void *data, const char *line)
{
	struct push *push = data;
	if (!push->p)
		return;
	progress_detail(push->p, line);
	progress_tick(push->p, clock_monotonic_ms());
	watch_flush(push->p);
}

static int on_push_wake(void *data)
{
	struct push *push = data;
	if (push->p) {
		progress_tick(push->p, clock_monotonic_ms());
		watch_flush(push->p);
	}
	return interrupt_count() ? -EINTR : 0;
}

/* A name that nobody chose should not come as a surprise. */
static void tell_app(const struct cli *cli, struct progress *p)
{
	if (!p || !streq(cli->app_origin, "the folder's name"))
		return;
	_cleanup_free_ char *words = xasprintf(
		"app %s, after the folder's name; 'app:' in berth.yaml gives it another", cli->app);
	progress_note(p, words);
}

static void tell_left_out(const struct source_commit *c, struct progress *p)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);
	if (!p || c->left_out_total == 0)
		return;
	(void)!buf_printf(&b, "left out:");
	for (size_t i = 0; i < c->left_out_count; i++)
		(void)!buf_printf(&b, " %s", c->left_out[i]);
	if (c->left_out_total > c->left_out_count)
		(void)!buf_printf(&b, " and %zu more", c->left_out_total - c->left_out_count);
	progress_note(p, buf_cstr(&b));
}

static void describe_push(const struct push *push, bool was_sent, char *to, size_t size)
{
	char bytes[32];
	format_size(push->bytes, bytes, sizeof bytes);
	if (was_sent)
		(void)snprintf(to, size, "%zu objects, %s", push->objects, bytes);
	else
		(void)snprintf(to, size, "the agent has it already");
}

static int push_commit(struct cli *cli, struct source *s, struct progress *p)
{
	struct push push = {.p = p};
	struct source_progress hooks = {on_push_progress, on_push_message, &push};
	struct http_wait wait = {
		.fd = interrupt_open(), .tick_ms = TICK_MS, .on_wake = on_push_wake, .data = &push};
	struct err err = {0};
	struct failure f;
	char words[96];
	bool was_sent = false;
	http_client_set_wait(cli->http, &wait);
	int r = source_push(s, cli->http, cli->app, &hooks, &was_sent, &err);
	http_client_set_wait(cli->http, NULL);
	bool is_interrupted = interrupt_count() > 0;
	describe_push(&push, was_sent, words, sizeof words);
	if (p) {
		progress_finish(
			p, r == 0 && !is_interrupted, r < 0 ? NULL : words, clock_monotonic_ms());
		watch_flush(p);
	}
	if (is_interrupted)
		return output_fail(
			&cli->out, CLI_INTERRUPTED, NULL, "interrupted; nothing was deployed");
	if (r == 0)
		return CLI_OK;
	if (r == -EPROTO || (r == -EACCES && cli->host.url))
		return output_fail(
			&cli->out, r == -EPROTO ? CLI_USAGE : CLI_NOT_ALLOWED, NULL, "%s", err.msg);
	if (r == -EBUSY || r == -ENOSPC)
		return output_fail(
			&cli->out, r == -EBUSY ? CLI_CONFLICT : CLI_FAILED, NULL, "%s", err.msg);
	(void)api_transport_failure(r, &err, &f);
	return output_failure(&cli->out, &f);
}

static int start(struct cli *cli, const struct source_commit *c, json_t **ret)
{
	_cleanup_free_ char *text = source_describe(c);
	json_t *source = text ? json_loads(text, 0, NULL) : NULL;
	json_t *body = json_pack("{s:s}", "commit", c->commit);
	if (source)
		(void)json_object_set_new(body, "source", source);
	if (args_has(&cli->args, "plan"))
		(void)json_object_set_new(body, "plan_only", json_true());
	return cli_call_app(cli, "POST", "/deploys", body, ret);
}

/* Snapshot, push, and the deploy as the agent has accepted it. */
static int send_folder(struct cli *cli, struct progress *p, json_t **ret)
{
	const struct source_commit *c = NULL;
	struct source *s = NULL;
	struct err err = {0};
	tell_app(cli, p);
	if (p)
		progress_begin(p, "push", clock_monotonic_ms());
	watch_flush(p);
	if (source_open(cli->project.dir, &s, &err) < 0 || source_snapshot(s, &c, &err) < 0) {
		if (p)
			progress_hide(p);
		watch_flush(p);
		source_free(s);
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	}
	tell_left_out(c, p);
	int r = push_commit(cli, s, p);
	if (r == CLI_OK)
		r = start(cli, c, ret);
	/* Here, while the agent is at work, removing its temporary files costs nobody time. */
	source_free(s);
	return r;
}

/* --attach: the deploy that is under way. */
static int attach(struct cli *cli)
{
	json_auto_t *app = NULL;
	int r = cli_call_app(cli, "GET", "", NULL, &app);
	if (r != CLI_OK)
		return r;
	const json_t *deploy = json_object_get(app, "deploying");
	if (!json_is_object(deploy))
		return output_fail(&cli->out, CLI_NOT_FOUND,
			"'berth status' says how the last one ended",
			"no deploy of %s is under way", cli->app);
	struct progress *p = watch_display_new(cli);
	r = watch_deploy(cli, deploy, p);
	progress_free(p);
	return r;
}

/* Everything that a person has is hardly meant. */
static int check_folder(const struct cli *cli)
{
	const char *dir = cli->project.dir, *home = getenv("HOME");
	_cleanup_free_ char *real_home = home ? realpath(home, NULL) : NULL;
	if (cli->project.manifest_path || (!streq(dir, "/") && !streq(dir, real_home)))
		return CLI_OK;
	return output_fail(&cli->out, CLI_USAGE, "go to the app's folder, or name it with -C",
		"%s is %s, not an app", dir,
		streq(dir, "/") ? "the whole disk" : "your home folder");
}

static int run(struct cli *cli)
{
	struct err err = {0};
	_cleanup_free_ char *named = NULL;
	int r = cli_find_app(cli);
	if (r == CLI_OK && args_has(&cli->args, "attach"))
		return attach(cli);
	if (r != CLI_OK)
		return r;
	/* Also when -a names the app: a manifest that is wrong would only fail later, over there. */
	if (project_check(&cli->project, &named, &err) < 0)
		return output_fail(&cli->out, CLI_USAGE, NULL, "%s", err.msg);
	r = check_folder(cli);
	if (r == CLI_OK)
		r = cli_connect(cli);
	if (r != CLI_OK)
		return r;
	(void)interrupt_open();
	json_auto_t *deploy = NULL;
	struct progress *p = watch_display_new(cli);
	r = send_folder(cli, p, &deploy);
	if (r == CLI_OK)
		r = watch_or_detach(cli, deploy, p);
	progress_free(p);
	return r;
}

static const struct option options[] = {
	{"plan", 0, NULL, "only say what would be built and run, and why"},
	{"attach", 0, NULL, "follow the deploy that is under way"},
	VERB_WAIT_OPTIONS,
};

const struct command verb_deploy = {
	.name = "deploy",
	.synonyms = " up push ship launch ",
	.summary = "make this folder the live release",
	.help = "Sends the folder as it is, committed or not, to the agent, which builds it, starts it\n"
		"beside what runs, checks that it is healthy, and sends visitors to it. When anything\n"
		"fails, what was live stays live.\n"
		"\n"
		"The first Ctrl-C cancels the deploy, the second leaves it to the agent.\n"
		"Exit codes: 0 live, 2 configuration, 7 superseded, 8 build failed, 9 release command\n"
		"failed, 10 not healthy, 124 timeout, 130 cancelled.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run,
};
