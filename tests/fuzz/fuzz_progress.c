/* SPDX-License-Identifier: Apache-2.0
 *
 * Any event stream must end up as text that cannot steer a terminal: beside our own "\r", "\n",
 * erasing and colours there are no control characters.
 */
#include "cli/progress.h"

#include <locale.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_our_escape(const char *p, const char *end, size_t *ret_len)
{
	static const char *const ours[] = {
		"\x1b[K", "\x1b[0m", "\x1b[2m", "\x1b[32m", "\x1b[1;31m"};
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if ((size_t)(end - p) >= strlen(ours[i]) &&
			memcmp(p, ours[i], strlen(ours[i])) == 0) {
			*ret_len = strlen(ours[i]);
			return true;
		}
	return false;
}

static void check(const struct buf *b)
{
	if (buf_len(b) == 0)
		return;
	const char *p = buf_data(b), *end = p + buf_len(b);
	while (p < end) {
		size_t n = 1;
		unsigned char c = (unsigned char)*p;
		must(c >= 0x20 || c == '\n' || c == '\r' || is_our_escape(p, end, &n));
		must(c != 0x7f);
		p += n;
	}
}

static void play(const struct progress_style *style, struct str rest)
{
	struct progress *p = progress_new(style);
	struct str line;
	int64_t now = 0;
	while (str_split(&rest, '\n', &line)) {
		struct event e;
		if (event_parse(line, &e) < 0)
			continue;
		progress_on_event(p, &e, now += 37);
		progress_tick(p, now);
		event_clear(&e);
	}
	progress_hide(p);
	check(progress_output(p));
	progress_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str stream = {(const char *)data, size};
	struct progress_style style = {.width = 33, .is_unicode = true};
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	for (unsigned i = 0; i < 8; i++) {
		style.is_live = i & 1;
		style.color = i & 2;
		style.is_verbose = i & 4;
		play(&style, stream);
	}
	return 0;
}
