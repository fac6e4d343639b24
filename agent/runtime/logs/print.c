/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON line that both sources print.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "agent/runtime/lines.h"
#include "agent/runtime/logs/logs.h"
#include "lib/sys/fd.h"

int logs_print(const struct instance_id *id, struct str time, struct str line)
{
	_cleanup_buf_ struct buf clean = BUF_INIT(LINE_MAX_BYTES);

	utf8_append(&clean, line);
	json_t *object = json_pack("{s:s%,s:s,s:i,s:i,s:s%}", "time", time.p, time.len, "process",
		id->process, "index", (int)id->index, "release", (int)id->release, "line",
		buf_len(&clean) ? buf_data(&clean) : "", buf_len(&clean));
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text)
		return 0; /* a time that is no text: a damaged line */
	_cleanup_free_ char *out = xasprintf("%s\n", text);
	return fd_write_all(STDOUT_FILENO, out, strlen(out));
}
