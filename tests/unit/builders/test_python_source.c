/* SPDX-License-Identifier: Apache-2.0
 *
 * App objects in Python files, without running them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builders/python.h"
#include "lib/base/str.h"

/* Rows end where nothing more is to be said. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const char *const classes[] = {"FastAPI", "Flask", NULL};

static const struct {
	const char *text, *name;
	bool factory;
} rows[] = {
	{"app = FastAPI()\n", "app"},
	{"from fastapi import FastAPI\n\napp: FastAPI = FastAPI(title='x')\n", "app"},
	{"import fastapi\nshop = fastapi.FastAPI(\n    title='x',\n)\n", "shop"},
	{"api = FastAPI()\n", "api"},
	{"application = Flask(__name__)\n", "application"},
	{"app = create_app()\n", "app"},
	{"from shop import app\n", "app"},
	{"from shop import db, server as app\n", "app"},
	{"from shop import (app)\n", NULL},
	{"def create_app():\n    return Flask(__name__)\n", "create_app", true},
	{"def create_app(config=None, *args, **kw) -> Flask:\n    app = Flask(__name__)\n",
		"create_app", true},
	{"def create_app(config):\n    return Flask(__name__)\n", NULL},
	{"def create_app():\n    return object()\n", NULL},
	{"    app = FastAPI()\n", NULL},
	{"# app = FastAPI()\n", NULL},
	{"app == FastAPI()\n", NULL},
	{"first = FastAPI()\nsecond = FastAPI()\n", "first"},
	{"other = FastAPI()\napp = object()\n", "other"},
	{"app = FastAPI()\r\n", "app"},
	{"", NULL},
};

static void test_scan(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool factory = false;
		_cleanup_free_ char *name = python_scan_object(rows[i].text, classes, &factory);
		if (!streq(name, rows[i].name) || factory != rows[i].factory)
			fail_msg("%s: %s", rows[i].text, name ? name : "(null)");
	}
}

static void test_setting(void **state)
{
	static const char text[] = "X = 1\nNAME = 'a'  \r\n  NAME = 'no'\nNAME='b'\nNAMED = 'c'\n";
	_cleanup_free_ char *value = python_scan_setting(text, "NAME");
	_cleanup_free_ char *none = python_scan_setting(text, "OTHER");

	(void)state;
	assert_string_equal(value, "'b'");
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_setting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
