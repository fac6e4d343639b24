/* SPDX-License-Identifier: Apache-2.0
 *
 * Request paths: what is decoded, what cannot be there, what is refused; and hashed names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/static_path.h"

static void decodes(void **state)
{
	static const struct {
		const char *encoded;
		enum static_path_kind kind;
		const char *path;
	} cases[] = {
		{"/", STATIC_PATH_FOLDER, ""},
		{"/a", STATIC_PATH_FILE, "a"},
		{"/a/", STATIC_PATH_FOLDER, "a"},
		{"/a/b.c", STATIC_PATH_FILE, "a/b.c"},
		{"/%61%2e%62", STATIC_PATH_FILE, "a.b"},
		{"/a%20b", STATIC_PATH_FILE, "a b"},
		{"/a+b", STATIC_PATH_FILE, "a+b"},
		{"/%C3%A9t%c3%a9", STATIC_PATH_FILE, "\xc3\xa9t\xc3\xa9"},
		/* Once only. */
		{"/%2541", STATIC_PATH_FILE, "%41"},
		{"/%252e%252e", STATIC_PATH_FILE, "%2e%2e"},
		{"/%252fetc", STATIC_PATH_FILE, "%2fetc"},
		{"/..a", STATIC_PATH_ABSENT, NULL},
		{"/a..", STATIC_PATH_FILE, "a.."},
		{"/...", STATIC_PATH_ABSENT, NULL},
		{"/\\..\\a", STATIC_PATH_FILE, "\\..\\a"},
		{"/.well-known/security.txt", STATIC_PATH_FILE, ".well-known/security.txt"},
		{"/.well-known/.hidden", STATIC_PATH_ABSENT, NULL},
		{"/a/.well-known/x", STATIC_PATH_ABSENT, NULL},
		{"/.git/config", STATIC_PATH_ABSENT, NULL},
		{"/%2egit/config", STATIC_PATH_ABSENT, NULL},
		{"/a/.env", STATIC_PATH_ABSENT, NULL},
		{"//", STATIC_PATH_ABSENT, NULL},
		{"//evil.example/..x", STATIC_PATH_ABSENT, NULL},
		{"/a//b", STATIC_PATH_ABSENT, NULL},
		{"/berth.yaml", STATIC_PATH_ABSENT, NULL},
		{"/Procfile", STATIC_PATH_ABSENT, NULL},
		{"/a/Procfile", STATIC_PATH_FILE, "a/Procfile"},
		{"", STATIC_PATH_BAD, NULL},
		{"a", STATIC_PATH_BAD, NULL},
		{"*", STATIC_PATH_BAD, NULL},
		{"/..", STATIC_PATH_BAD, NULL},
		{"/../etc/passwd", STATIC_PATH_BAD, NULL},
		{"/a/../b", STATIC_PATH_BAD, NULL},
		{"/a/./b", STATIC_PATH_BAD, NULL},
		{"/%2e%2e/etc/passwd", STATIC_PATH_BAD, NULL},
		{"/.%2E/etc/passwd", STATIC_PATH_BAD, NULL},
		{"/.git/../x", STATIC_PATH_BAD, NULL},
		{"/a%2fb", STATIC_PATH_BAD, NULL},
		{"/..%2fetc%2Fpasswd", STATIC_PATH_BAD, NULL},
		{"/a%00.html", STATIC_PATH_BAD, NULL},
		{"/%", STATIC_PATH_BAD, NULL},
		{"/%4", STATIC_PATH_BAD, NULL},
		{"/%g1", STATIC_PATH_BAD, NULL},
		{"/%1g", STATIC_PATH_BAD, NULL},
		{"/%%41", STATIC_PATH_BAD, NULL},
		{"/%u0041", STATIC_PATH_BAD, NULL},
	};
	char path[STATIC_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum static_path_kind kind = static_path_decode(str_from(cases[i].encoded), path);
		if (kind != cases[i].kind)
			fail_msg("%s is %d", cases[i].encoded, (int)kind);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
	}
}

static void lengths(void **state)
{
	char encoded[STATIC_PATH_MAX + 8], path[STATIC_PATH_MAX];

	(void)state;
	memset(encoded, 'a', sizeof encoded);
	encoded[0] = '/';
	assert_int_equal(static_path_decode((struct str){encoded, 256}, path), STATIC_PATH_FILE);
	assert_int_equal(static_path_decode((struct str){encoded, 257}, path), STATIC_PATH_ABSENT);
	for (size_t i = 0; i < sizeof encoded; i += 2)
		encoded[i] = '/';
	assert_int_equal(static_path_decode((struct str){encoded, STATIC_PATH_MAX - 1}, path),
		STATIC_PATH_FOLDER);
	assert_int_equal(static_path_decode((struct str){encoded, STATIC_PATH_MAX}, path),
		STATIC_PATH_ABSENT);
}

static void redirects(void **state)
{
	static const struct {
		const char *path, *query, *location;
	} cases[] = {
		{"/docs", "", "/docs/"},
		{"/docs", "a=1&b=%20", "/docs/?a=1&b=%20"},
		{"/a%20b/c", "", "/a%20b/c/"},
		{"//evil.example", "", "/evil.example/"},
		{"///evil.example//", "", "/evil.example/"},
		{"/\\evil.example", "", "/%5Cevil.example/"},
		{"/a\r\nSet-Cookie: x", "b\r\n", "/a%0D%0ASet-Cookie:%20x/?b%0D%0A"},
		{"/", "x", "/?x"},
		{"/\xc3\xa9", "", "/%C3%A9/"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *location =
			static_path_with_slash(str_from(cases[i].path), str_from(cases[i].query));
		assert_string_equal(location, cases[i].location);
	}
}

static void hashed_names(void **state)
{
	static const char *const hashed[] = {
		"app.3f2a9c1b.js",
		"assets/index-BfQ9x2Lk.js",
		"main.3f2a9c1b.chunk.js",
		"app.3f2a9c1b.js.map",
		"chunk-5KQ2XZJ7.js",
		"_next/static/chunks/main-app-1f2e3d4c5b6a7988.js",
		"fonts/inter.var-0a1b2c3d4e.woff2",
		"a.d41d8cd98f00b204e9800998ecf8427e.css",
	};
	static const char *const plain[] = {
		"", "app.js", "3f2a9c1b.js/app.js", "jquery-3.7.1.min.js", "jquery-ui.slideshow.js",
		"report-20240101.pdf", "photo-IMG12345.jpg", "hero-iPhone15Pro.png",
		"hero-iPhone15.png", "logo-version2.png", "index-MyModule.js",
		"decade-decade20.txt", "deadbeef",
		"a.3f2a9c1", /* what stands behind the last dot is an extension */
		"a.3f2a9c1.js", /* seven digits */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashed); i++)
		if (!static_path_is_hashed(str_from(hashed[i])))
			fail_msg("%s is not taken for hashed", hashed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (static_path_is_hashed(str_from(plain[i])))
			fail_msg("%s is taken for hashed", plain[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(lengths),
		cmocka_unit_test(redirects),
		cmocka_unit_test(hashed_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
