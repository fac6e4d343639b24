/* SPDX-License-Identifier: Apache-2.0
 *
 * Media types: each extension that matters on the web is found (the table must be sorted for that).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/http/media.h"

static void known(void **state)
{
	static const struct {
		const char *path, *type;
		bool compressible;
	} cases[] = {
		{"/index.html", "text/html; charset=utf-8", true},
		{"/a/b.c/INDEX.HTML", "text/html; charset=utf-8", true},
		{"x.htm", "text/html; charset=utf-8", true},
		{"app.js", "text/javascript; charset=utf-8", true},
		{"app.mjs", "text/javascript; charset=utf-8", true},
		{"app.js.map", "application/json", true},
		{"style.css", "text/css; charset=utf-8", true},
		{"logo.svg", "image/svg+xml", true},
		{"logo.png", "image/png", false},
		{"a.wasm", "application/wasm", true},
		{"f.woff2", "font/woff2", false},
		{"site.webmanifest", "application/manifest+json", true},
		{"a.tar.gz", "application/gzip", false},
		{"first.7z", "application/x-7z-compressed", false},
		{"last.zst", "application/zstd", false},
		{".js", "text/javascript; charset=utf-8", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct media *m = media_of(str_from(cases[i].path));
		assert_non_null(m);
		assert_string_equal(m->type, cases[i].type);
		assert_int_equal(m->compressible, cases[i].compressible);
	}
}

static void unknown(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"README",
		"/a.js/README",
		"a.",
		"a.unknown",
		"a.abcdefghijklmnopqrstuvwxyz",
		"/john.doe",
		"js",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_null(media_of(str_from(cases[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(unknown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
