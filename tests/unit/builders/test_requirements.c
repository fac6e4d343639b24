/* SPDX-License-Identifier: Apache-2.0
 *
 * Package names out of requirements files and pyproject.toml.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/requirements.h"
#include "builders/toml.h"
#include "lib/base/buf.h"

/* Rows end where nothing more is to be said. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static void on_include(void *data, const char *path, bool constraint)
{
	struct buf *seen = data;
	assert_int_equal(buf_printf(seen, "%s%s ", constraint ? "!" : "", path), 0);
}

static const struct {
	const char *text, *names, *includes;
	bool local;
} rows[] = {
	{"fastapi\nuvicorn\n", "fastapi uvicorn ", ""},
	{"Flask_Login==0.6 # note\n", "flask-login ", ""},
	{"zope.interface>=5\n", "zope-interface ", ""},
	{"fastapi[standard, all]>=0.1 ; python_version > '3'\n",
		"fastapi fastapi[standard] fastapi[all] ", ""},
	{"\xef\xbb\xbf"
	 "django\r\n\r\n# c\ngunicorn~=22.0\r\n",
		"django gunicorn ", ""},
	{"django==4.2 \\\n    --hash=sha256:aaaa \\\n    --hash=sha256:bbbb\nx\n", "django x ", ""},
	{"-r base.txt\n--requirement=dev.txt\n-c limits.txt\n-rother.txt\n", "",
		"base.txt dev.txt !limits.txt other.txt "},
	{"--index-url https://example.com/simple\n--no-binary :all:\nx\n", "x ", ""},
	{"-e .\n", "", "", true},
	{".\n", "", "", true},
	{"./lib\n", "", "", true},
	{"-e git+https://example.com/a.git#egg=Shop\n", "shop ", ""},
	{"git+https://example.com/a.git@v1#egg=shop&subdirectory=x\n", "shop ", ""},
	{"shop @ https://example.com/shop.zip\n", "shop ", ""},
	{"shop @ file:///tmp/shop\n", "shop ", "", true},
	{"httpx\nhttp-parser\ngitpython\n", "httpx http-parser gitpython ", ""},
	{"https://example.com/x.whl\n", "", ""},
	{"flask\nFLASK\n", "flask ", ""},
	{"===\n[x]\n!!\n", "", ""},
	{"x[\n", "x ", ""},
	{"", "", ""},
};

static void test_requirements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(requirements_free) struct requirements r = {0};
		_cleanup_buf_ struct buf names = BUF_INIT(4096), includes = BUF_INIT(4096);
		requirements_parse(&r, rows[i].text, strlen(rows[i].text), on_include, &includes);
		for (size_t k = 0; k < r.count; k++)
			assert_int_equal(buf_printf(&names, "%s ", r.names[k]), 0);
		assert_string_equal(buf_cstr(&names), rows[i].names);
		assert_string_equal(buf_cstr(&includes), rows[i].includes);
		assert_int_equal(r.local, rows[i].local);
	}
}

static void test_no_substrings(void **state)
{
	_cleanup_(requirements_free) struct requirements r = {0};
	static const char text[] = "flask-cors\ndjango-environ\n";

	(void)state;
	requirements_parse(&r, text, sizeof text - 1, NULL, NULL);
	assert_false(requirements_has(&r, "flask"));
	assert_false(requirements_has(&r, "django"));
	assert_true(requirements_has(&r, "flask-cors"));
}

static void on_value(void *data, const char *table, const char *key, const char *value)
{
	struct buf *seen = data;
	assert_int_equal(buf_printf(seen, "%s|%s|%s;", table, key ? key : "-", value), 0);
}

static void test_toml(void **state)
{
	static const struct {
		const char *text, *seen;
	} all[] = {
		{"a = 1\n[t.u]\nb = \"x\" # c\n", "|a|1;t.u|-|;t.u|b|x;"},
		{"[project]\ndependencies = [\n  \"a>=1\", # c\n  'b[x]',\n]\nz = true\n",
			"project|-|;project|dependencies|a>=1;project|dependencies|b[x];project|z|true;"},
		{"k = \"\"\"two\nlines\"\"\"\n", "|k|two\nlines;"},
		{"k = \"q\\\"r\"\n", "|k|q\"r;"},
		{"k = {a = 1, b = \"]\"}\nz = 1\n", "|k|;|z|1;"},
		{"[[x]]\nk=1\n", "x|-|;x|k|1;"},
		{"[a.\"b c\"]\nk=1", "a.b c|-|;a.b c|k|1;"},
		{"k = \"never closed\nz = 1\n", "|k|never closed;|z|1;"},
		{"k = [\n", ""},
		{"nonsense\n= 3\n[", "||3;|-|;"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_buf_ struct buf seen = BUF_INIT(4096);
		toml_walk(all[i].text, strlen(all[i].text), on_value, &seen);
		assert_string_equal(buf_cstr(&seen), all[i].seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_no_substrings),
		cmocka_unit_test(test_toml),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
