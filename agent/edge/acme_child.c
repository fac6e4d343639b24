/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting berth-acme and understanding what it says (agent/acme/main.c).
 */
#include "agent/edge/acme_child.h"

#include <stdio.h>

#include "agent/subprocess/subprocess.h"
#include "lib/base/str.h"
#include "lib/data/json.h"

/* Longer than all of its own limits. */
#define TIMEOUT_S (10 * 60)
#define ARGUMENTS_MAX 24

struct acme_child {
	struct subprocess *process;
	struct acme_child_events events;
	struct acme_outcome outcome;
	bool has_outcome;
};

static void copy_text(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static void on_problem(struct acme_child *c, const json_t *line)
{
	json_int_t seconds = json_integer_value(json_object_get(line, "retry_after"));

	copy_text(c->outcome.words, sizeof c->outcome.words,
		json_string_value(json_object_get(line, "detail")));
	c->outcome.retry_after_s = seconds > 0 ? seconds : 0;
	c->outcome.is_validation = json_is_true(json_object_get(line, "validation"));
	c->has_outcome = true;
}

static void on_issued(struct acme_child *c, const json_t *line)
{
	const char *chain = json_string_value(json_object_get(line, "chain"));
	const char *key = json_string_value(json_object_get(line, "key"));

	if (!chain || !key || c->has_outcome)
		return;
	c->outcome.pair = (struct x509_pair){.chain_pem = xstrdup(chain), .key_pem = xstrdup(key)};
	c->has_outcome = true;
}

static void on_line(void *data, const char *text)
{
	struct acme_child *c = data;
	json_auto_t *line = NULL;

	if (json_parse_object("a line of berth-acme", text, strlen(text), &line, NULL) < 0)
		return;
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *token = json_string_value(json_object_get(line, "token"));
	const char *answer = json_string_value(json_object_get(line, "key_authorization"));
	if (streq(type, "challenge") && token && answer)
		c->events.on_challenge(c->events.data, token, answer);
	else if (streq(type, "problem"))
		on_problem(c, line);
	else if (streq(type, "issued"))
		on_issued(c, line);
}

static void on_end(void *data, int status, const char *words)
{
	struct acme_child *c = data;

	if (!c->has_outcome && words[0])
		copy_text(c->outcome.words, sizeof c->outcome.words, words);
	else if (!c->has_outcome)
		(void)snprintf(c->outcome.words, sizeof c->outcome.words,
			status < 0 ? "the order took too long" : "berth-acme ended with status %d",
			status);
	c->events.on_end(c->events.data, &c->outcome);
}

static void on_output(void *data, const char *bytes, size_t n)
{
	(void)data;
	(void)bytes;
	(void)n;
}

static void on_nothing(void *data)
{
	(void)data;
}

static void add_option(const char **argv, size_t *count, const char *option, const char *value)
{
	if (!value)
		return;
	argv[(*count)++] = option;
	argv[(*count)++] = value;
}

int acme_child_new(struct ev_loop *loop, const struct acme_config *config, const char *host,
	const struct acme_child_events *events, struct acme_child **ret, struct err *err)
{
	static const struct subprocess_events process_events = {.on_output = on_output,
		.on_line = on_line,
		.on_drained = on_nothing,
		.on_told = on_nothing,
		.on_end = on_end};
	const char *argv[ARGUMENTS_MAX] = {config->program, "order"};
	size_t count = 2;

	add_option(argv, &count, "--directory", config->directory);
	add_option(argv, &count, "--account", config->account_dir);
	add_option(argv, &count, "--domain", host);
	add_option(argv, &count, "--email", config->email);
	add_option(argv, &count, "--eab-kid", config->eab_kid);
	add_option(argv, &count, "--eab-key-file", config->eab_key_file);
	add_option(argv, &count, "--ca-file", config->ca_file);
	if (config->agree_terms)
		argv[count++] = "--agree-terms";
	must(count < ARGUMENTS_MAX);
	struct acme_child *c = xnew(struct acme_child);
	c->events = *events;
	int r = subprocess_new(loop, argv, &process_events, c, &c->process, err);
	if (r < 0) {
		free(c);
		return r;
	}
	subprocess_set_timeout(c->process, TIMEOUT_S);
	subprocess_end_input(c->process);
	*ret = c;
	return 0;
}

void acme_child_free(struct acme_child *c)
{
	if (!c)
		return;
	subprocess_free(c->process);
	x509_pair_clear(&c->outcome.pair);
	free(c);
}

void acme_child_ready(struct acme_child *c, bool is_served)
{
	subprocess_tell(c->process, is_served ? "{\"type\":\"ready\"}" : "{\"type\":\"failed\"}");
}
