/* SPDX-License-Identifier: Apache-2.0
 *
 * berth.yaml: what is understood, and the words for what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/data/manifest.h"

static struct manifest *parse(const char *text)
{
	struct manifest *m = NULL;
	struct err err = {0};

	if (manifest_parse("berth.yaml", text, strlen(text), &m, &err) < 0)
		fail_msg("%s", err.msg);
	return m;
}

static const char whole[] =
	"app: shop\n"
	"domains: [Shop.Example.COM., www.shop.example.com]\n"
	"build: {stack: python, command: \"npm run css\", env: {DEBUG: 0, V: 1.10, "
	"ON: true}, memory: 512M}\n"
	"release: python manage.py migrate --noinput\n"
	"env:\n"
	"  GREETING: hello\n"
	"processes:\n"
	"  web: {command: \"gunicorn shop.wsgi\", instances: 2, memory: 256M,\n"
	"        health: {path: /up, status: 204, timeout: 45s}}\n"
	"  worker: celery -A shop worker\n"
	"  tuned: {memory: 100M, stop_timeout: 5m}\n"
	"volumes: [media]\n"
	"static:\n"
	"  /static: staticfiles/\n"
	"  /: {dir: dist, fallback: index.html}\n"
	"swap: rolling\n"
	"x-note: {anything: [goes]}\n";

static void test_whole(void **state)
{
	(void)state;
	_cleanup_(manifest_freep) struct manifest *m = parse(whole);
	assert_string_equal(m->app, "shop");
	assert_int_equal(m->domain_count, 2);
	assert_string_equal(m->domains[0], "shop.example.com");
	assert_string_equal(m->build.stack, "python");
	assert_string_equal(m->build.command, "npm run css");
	assert_int_equal(m->build.memory_max, 512u << 20);
	assert_int_equal(m->build.env_count, 3);
	assert_string_equal(m->build.env[0].value, "0");
	assert_string_equal(m->build.env[1].value, "1.10");
	assert_string_equal(m->build.env[2].value, "true");
	assert_string_equal(m->release, "python manage.py migrate --noinput");
	assert_string_equal(m->env[0].value, "hello");
	const struct manifest_process *web = manifest_process(m, "web");
	assert_non_null(web);
	assert_int_equal(web->instances, 2);
	assert_int_equal(web->memory_max, 256u << 20);
	assert_string_equal(web->health.path, "/up");
	assert_int_equal(web->health.status, 204);
	assert_int_equal(web->health.timeout_ms, 45000);
	assert_string_equal(manifest_process(m, "worker")->command, "celery -A shop worker");
	assert_null(manifest_process(m, "tuned")->command);
	assert_int_equal(manifest_process(m, "tuned")->stop_timeout_ms, 300000);
	assert_string_equal(m->volumes[0], "media");
	assert_string_equal(m->statics[0].dir, "staticfiles");
	assert_string_equal(m->statics[1].fallback, "index.html");
}

static void test_empty(void **state)
{
	static const char *const texts[] = {"", "# only words\n", "---\n", "{}", "app:\nbuild:\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(manifest_freep) struct manifest *m = parse(texts[i]);
		assert_null(m->app);
		assert_int_equal(m->process_count, 0);
	}
}

/* What is refused, and a part of the words that must say so. */
static const struct {
	const char *text, *words;
} refused[] = {
	{"proceses: {}\n", "berth.yaml:1:1: proceses: is not known; did you mean \"processes\"?"},
	{"app: shop\nprocesses:\n  web:\n    comand: x\n",
		"berth.yaml:4:5: processes.web.comand: is not known; did you mean \"command\"?"},
	{"zzzzzz: 1\n", "berth.yaml:1:1: zzzzzz: is not known"},
	{"app: Shop\n", "berth.yaml:1:1: app: "},
	{"app: [a]\n", "app: must be text; put it in quotes, not a list"},
	{"app: 12\n", "app: must be text"},
	{"app: a\napp: b\n", "berth.yaml:2:1: \"app\" is given twice"},
	{"app: a\n\tbuild: x\n", "berth.yaml:2:"},
	{"app: 'a\n", "berth.yaml:"},
	{"app: a: b\n", "berth.yaml:1:7: a ':' where none can be"},
	{"app\nbuild: x\n", "berth.yaml:"},
	{"build: {stack: pyton}\n", "did you mean \"python\"?"},
	{"build: {stack: ruby}\n",
		"berth.yaml:1:9: build.stack: \"ruby\" is not supported by this"},
	{"build: {stack: cobol}\n", "\"cobol\" is not known; there are"},
	{"build: {memory: lots}\n", "build.memory: is not a size; write 512M"},
	{"build: {memory: 1K}\n", "build.memory: must be between 32 MB and"},
	{"build: text\n", "build: must be a mapping, not text"},
	{"env: {1A: x}\n", "env.1A: "},
	{"env: {PORT: 80}\n", "env.PORT: PORT is set by berth for each process"},
	{"env: {BERTH_APP: x}\n", "env.BERTH_APP: names that begin with BERTH_"},
	{"env: {A: [1]}\n", "env.A: must be one value"},
	{"env:\n  A:\n", "berth.yaml:2:3: env.A: has no value; write \"\""},
	{"processes: {Web: x}\n", "processes.Web: "},
	{"processes: {release: x}\n", "write it at the top"},
	{"processes: {web: {instances: 0}}\n", "must be between 1 and 64"},
	{"processes: {web: {instances: -1}}\n", "must not be negative"},
	{"processes: {web: {instances: many}}\n", "must be a whole number, not text"},
	{"processes: {web: {health: up}}\n", "processes.web.health: must begin with '/'"},
	{"processes: {web: {health: {path: \"/a b\"}}}\n", "percent-encode"},
	{"processes: {web: {health: {timeout: 10}}}\nsleep: 3m\n",
		"sleep: is not supported by this version"},
	{"processes: {web: {health: {timeout: soon}}}\n", "is not a duration; write 30s"},
	{"processes: {web: {health: {status: 200}}}\n", "needs a \"path\""},
	{"processes: {web: {command: \"\"}}\n", "must not be empty"},
	{"processes: {web: \"  \"}\n", "must not be empty"},
	{"processes: {web: \"a\\x01\"}\n", "control character"},
	{"domains: shop.example.com\n", "domains: must be a list, not text"},
	{"domains: [a.example.com, A.example.com]\n", "domains[1]: a.example.com is given twice"},
	{"domains: [\"http://x\"]\n", "domains[0]: "},
	{"domains: [1]\n", "domains[0]: must be a host name"},
	{"volumes: [../x]\n", "volumes[0]: "},
	{"volumes: [a, a]\n", "volumes[1]: a is given twice"},
	{"static: {/s: ../etc}\n", "static./s: must be a folder inside the app"},
	{"static: {/s: /etc}\n", "must be a folder inside the app"},
	{"static: {s: dist}\n", "must begin with '/'"},
	{"static: {/s: {}}\n", "static./s: \"dir\" is missing"},
	{"cron: []\n", "berth.yaml:1:1: cron: is not supported by this version"},
	{"swap: hold\n", "swap: \"hold\" is not supported by this version"},
	{"swap: never\n", "swap: must be rolling"},
	{"- a\n", "berth.yaml:1:1: must be a mapping, not a list"},
	{"just words\n", "must be a mapping, not text"},
	{"app: &a x\nrelease: *a\n", "berth.yaml:2:10: aliases (*a) are not supported"},
	{"app: !!str x\n", "berth.yaml:1:6: tags"},
	{"app: a\n---\napp: b\n", "berth.yaml:2:1: a second document"},
	{"{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}"
	 "}}}}}}}}}}}}}}}}}}}}",
		"nested more than 20 levels"},
	{"[[1]]: 2\n", "a key must be a word"},
	{"? *x\n: 1\n", "aliases"},
	{"app: \"\\0\"\n", "NUL"},
	{"app: \xff\xfe\n", "berth.yaml:1:"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(manifest_freep) struct manifest *m = NULL;
		struct err err = {0};
		int r = manifest_parse(
			"berth.yaml", refused[i].text, strlen(refused[i].text), &m, &err);
		if (r >= 0 || !strstr(err.msg, refused[i].words))
			fail_msg("%s\ngave %d: %s\nnot %s", refused[i].text, r, err.msg,
				refused[i].words);
	}
}

static void test_large(void **state)
{
	size_t len = (1u << 20) + 1;
	_cleanup_free_ char *text = xcalloc(len + 1, 1);
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	struct err err;

	(void)state;
	memset(text, '#', len);
	assert_true(manifest_parse("berth.yaml", text, len, &m, &err) < 0);
	assert_non_null(strstr(err.msg, "larger than"));
	memcpy(text, "x-a: [", 6);
	for (size_t i = 6; i + 1 < len; i += 2)
		memcpy(text + i, "1,", 2);
	assert_true(manifest_parse("berth.yaml", text, len - 1, &m, &err) < 0);
	assert_non_null(strstr(err.msg, "more than 20000 values"));
}

static void test_inner_path(void **state)
{
	static const char *const good[] = {".", "a", "a/b", "..a", "a..b/c", ".well-known"};
	static const char *const bad[] = {
		"", "/", "/a", "..", "a/..", "a/../b", "a//b", "a/", "./a", "a/.", "a\nb", "a\\b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(manifest_is_inner_path(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(manifest_is_inner_path(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_inner_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
