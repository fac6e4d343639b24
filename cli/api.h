/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of the agent's API: JSON in, JSON out, errors as a struct failure with the agent's own words
 * and exit code. Prints nothing.
 */
#ifndef BERTH_CLI_API_H
#define BERTH_CLI_API_H

#include <jansson.h>

#include "cli/http.h"
#include "cli/output.h"
#include "lib/base/str.h"

#define API_TIMEOUT_MS 60000u

struct api_answer {
	unsigned status;
	json_t *json; /* an object; NULL when the answer had no body */
	int64_t date_ms; /* the Date header; 0: none */
};

struct api_request {
	const char *method, *path;
	const json_t *body; /* borrowed; NULL: none */
};

/* 0, or the exit code that *ret_failure has as well. */
int api_call(struct http_client *http, const struct api_request *request, struct api_answer *ret,
	struct failure *ret_failure);
void api_answer_clear(struct api_answer *a);

/* GET of a stream of lines: each is handed to `on_line` without its newline; one of more than
 * API_LINE_MAX bytes is left out. A negative result of it ends the stream with that error. */
#define API_LINE_MAX (2u << 20) /* a plan may have 1 MB */
struct api_lines {
	int (*on_line)(void *data, struct str line);
	void *data;
};
/* How a stream ended. */
struct api_stream_end {
	bool is_broken; /* the connection broke, or never came about: trying again makes sense */
	bool was_answered; /* with a 2xx status */
};
/* Returns 0 at the end of the stream, or an exit code. */
int api_stream(struct http_client *http, const char *path, const struct api_lines *lines,
	struct api_stream_end *ret_end, struct failure *ret_failure);

/* The failure of an HTTP call that returned r < 0. Returns its exit code. */
int api_transport_failure(int r, const struct err *err, struct failure *ret);

#endif
