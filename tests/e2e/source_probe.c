/* SPDX-License-Identifier: Apache-2.0
 *
 * source_probe FOLDER [SOCKET APP]: what the CLI makes of a folder, as one JSON object, and a push of
 * it to an agent's socket. For tests/e2e/test_git_source.py.
 */
#include <jansson.h>
#include <stdio.h>

#include "cli/git.h"
#include "cli/http.h"

static int failed(const struct err *err)
{
	json_t *o = json_pack("{s:s}", "error", err->msg);

	(void)json_dumpf(o, stdout, 0);
	json_decref(o);
	return 1;
}

static void on_message(void *data, const char *line)
{
	json_t *messages = data;

	(void)json_array_append_new(messages, json_string(line));
}

static void on_progress(void *data, size_t objects, size_t total, size_t bytes)
{
	(void)data;
	(void)objects;
	(void)total;
	(void)bytes;
}

static int push(struct source *s, const char *socket, const char *app, json_t *o, struct err *err)
{
	const struct http_target target = {.unix_path = socket};
	const struct source_progress progress = {
		on_progress, on_message, json_object_get(o, "messages")};
	struct http_client *http = NULL;
	bool is_sent = false;

	int r = http_client_new(&target, &http, err);
	if (r == 0)
		r = source_push(s, http, app, &progress, &is_sent, err);
	http_client_free(http);
	(void)json_object_set_new(o, "sent", json_boolean(is_sent));
	return r;
}

int main(int argc, char **argv)
{
	struct source *s = NULL;
	const struct source_commit *c = NULL;
	struct err err = {0};

	if (argc != 2 && argc != 4)
		return 2;
	int r = source_open(argv[1], &s, &err);
	if (r == 0)
		r = source_snapshot(s, &c, &err);
	if (r < 0) {
		source_free(s);
		return failed(&err);
	}
	char *described = source_describe(c);
	json_t *o = json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:[], s:[]}", "commit", c->commit,
		"dirty", c->dirty, "subfolder", c->subfolder, "shallow", c->shallow, "repository",
		source_is_repository(s), "source", json_loads(described, 0, NULL), "left_out",
		"messages");
	free(described);
	for (size_t i = 0; i < c->left_out_count; i++)
		(void)json_array_append_new(
			json_object_get(o, "left_out"), json_string(c->left_out[i]));
	if (argc == 4)
		r = push(s, argv[2], argv[3], o, &err);
	source_free(s);
	if (r < 0) {
		json_decref(o);
		return failed(&err);
	}
	(void)json_dumpf(o, stdout, 0);
	json_decref(o);
	return 0;
}
