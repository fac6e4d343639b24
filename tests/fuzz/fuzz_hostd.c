/* SPDX-License-Identifier: Apache-2.0
 *
 * What hostd accepts from its peer: whatever it is, the unit made of it has a name that is read back
 * as the same unit, and a text in which every line is one of ours.
 */
#include "agent/hostd/unit_text.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct str text)
{
	for (struct str line; str_split(&text, '\n', &line);) {
		must(line.len > 0 || text.len > 0);
		for (size_t i = 0; i < line.len; i++)
			must((unsigned char)line.p[i] >= ' ' && line.p[i] != '\x7f');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hostd_request r = {0}, again;
	_cleanup_buf_ struct buf text = BUF_INIT(UNIT_TEXT_MAX);
	char packet[sizeof r + 1] = {0}, unit[UNIT_NAME_MAX];

	/* Short inputs are filled up, so that the fuzzer need not find out the size. */
	memcpy(packet, data, size < sizeof packet ? size : sizeof packet);
	if (hostd_request_check(packet, size > sizeof r ? size : sizeof r, &r, NULL) < 0)
		return 0;
	if (r.app[0] == '\0' || r.release == 0)
		return 0;
	unit_of(&r, unit);
	must(unit_parse(unit, &again) == 0);
	must(streq(again.app, r.app) && streq(again.process, r.process));
	must(again.release == r.release && again.index == r.index && again.task == r.task);
	if (r.verb == HOSTD_INSTANCE_START || r.verb == HOSTD_TASK_RUN) {
		must(unit_text(&r, true, &text) == 0);
		check_lines((struct str){buf_data(&text), buf_len(&text)});
	}
	return 0;
}
