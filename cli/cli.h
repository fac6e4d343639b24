/* SPDX-License-Identifier: Apache-2.0
 *
 * struct cli: what a verb works with: its arguments, where to print, which app, which agent. What a
 * verb does not ask for is not looked up: `berth version` needs no network.
 *
 * Functions that answer with an exit code have printed the error when it is not CLI_OK.
 */
#ifndef BERTH_CLI_CLI_H
#define BERTH_CLI_CLI_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/hosts.h"
#include "cli/http.h"
#include "cli/output.h"
#include "cli/project.h"

struct cli {
	struct args args;
	struct output out;
	struct project project; /* after cli_find_app() or cli_find_project() */
	char *app; /* after cli_find_app() */
	const char *app_origin; /* "-a", "berth.yaml", "BERTH_APP", "the folder's name" */
	struct host host; /* after cli_connect() */
	struct http_client *http;
	int64_t began_ms; /* monotonic */
};

/* The whole program; argv as main() has it. */
int cli_main(int argc, char **argv);

int cli_find_project(struct cli *cli);
/* -a, berth.yaml, BERTH_APP, the folder's name. */
int cli_find_app(struct cli *cli);
/* Chooses the agent; connects with the first call. */
int cli_connect(struct cli *cli);

/* An API call. `body` is taken (NULL: none). *ret may be NULL, and is NULL when the answer was
 * empty; else the caller's. */
int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret);

/* "/v1/apps/shop" + rest, caller frees. After cli_find_app(). */
char *cli_app_path(const struct cli *cli, const char *rest);

/* cli_find_app() and a call of its path. */
int cli_call_app(struct cli *cli, const char *method, const char *rest, json_t *body, json_t **ret);

/* One value on stdout: indented for a terminal, one line for programs. */
int cli_print_json(const struct cli *cli, const json_t *value);

struct table;
/* A table on stdout. */
void cli_print_table(const struct cli *cli, const struct table *t);

/* Asks on the terminal; *ret is the line, freed by the caller. Without a terminal it fails with
 * `otherwise` as the hint: nothing ever waits for an answer that cannot come. */
int cli_ask(const struct cli *cli, const char *question, bool is_secret, const char *otherwise,
	char **ret);

/* The text member of an API object, "" when there is none. */
const char *cli_text(const json_t *object, const char *key);
int64_t cli_number(const json_t *object, const char *key);
/* What made a release: the commit's message, or "rollback to v3" and the like; caller frees. */
char *cli_release_words(const json_t *release);
/* A time member as "5m ago"; "" when there is none. Owned by the caller. */
char *cli_ago(const json_t *object, const char *key);

#endif
