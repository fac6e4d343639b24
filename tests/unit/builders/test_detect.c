/* SPDX-License-Identifier: Apache-2.0
 *
 * Detection over small trees: each row is a tree, and the plan or the words that it must give. The
 * tree is written as "path=text" parts, parts separated by '|'; a path that begins with '+' is
 * executable. In the expectation, lines are "key=value".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "builders/builder.h"
#include "lib/sys/file.h"

/* Rows end where nothing more is to be said. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct row {
	const char *name;
	const char *tree;
	const char *stack, *framework; /* stack NULL: refused with the words in `web` */
	const char *web; /* part of the web command, NULL: no web process */
	const char *steps; /* the commands, each a part, joined by '|'; NULL: none */
	const char *statics; /* "prefix=dir" or "prefix=dir:fallback", joined by '|' */
};

#define REQ "requirements.txt="
#define PKG "package.json="

static const struct row rows[] = {
	{"static root", "index.html=x", "static", NULL, NULL, NULL, "/=."},
	{"static public", "public/index.html=x|index.html=y", "static", NULL, NULL, NULL,
		"/=public"},
	{"static dist", "dist/index.html=x", "static", NULL, NULL, NULL, "/=dist"},
	{"static needs an index", "public/a.html=x", NULL, NULL, "nothing that can be built"},
	{"Staticfile", "Staticfile=root: www/\nindex_fallback: true\n|www/index.html=x", "static",
		NULL, NULL, NULL, "/=www:index.html"},
	{"Staticfile that leaves", "Staticfile=root: ../x\n", NULL, NULL,
		"Staticfile: root must be"},
	{"Staticfile absent folder", "Staticfile=root: www\n", NULL, NULL, "www does not exist"},
	{"manifest static",
		"berth.yaml=static: {/: {dir: out, fallback: index.html}}\nbuild: "
		"{command: make}\n",
		"static", NULL, NULL, "make", "/=out:index.html"},
	{"explicit static beside node",
		PKG "{}|site/index.html=x|berth.yaml=build: {stack: static}\n", "static", NULL,
		NULL, NULL, "/=site"},

	{"procfile", "Procfile=web: ./serve --port $PORT\n|x=y", "procfile", NULL, "./serve"},
	{"procfile over a framework",
		REQ "fastapi\nuvicorn\n|main.py=app = FastAPI()\n|Procfile=web: "
		    "python x.py\n",
		"python", "fastapi", "python x.py", "pip install"},
	{"manifest over procfile", "Procfile=web: a\n|berth.yaml=processes: {web: b}\n", "procfile",
		NULL, "b"},
	{"manifest processes only", "berth.yaml=processes: {web: ./b}\n|x=y", "procfile", NULL,
		"./b"},
	{"procfile with release only is no app", "Procfile=release: x\n|index.html=y", "static",
		NULL, NULL, NULL, "/=."},
	{"bad procfile", "Procfile=web: x\nweb: y\n", NULL, NULL, "Procfile:2: web is given twice"},
	{"bad manifest", "berth.yaml=ap: x\n|index.html=x", NULL, NULL,
		"berth.yaml:1:1: ap: is not"},
	{"berth.yml", "berth.yml=app: x\n|index.html=x", NULL, NULL, "called berth.yaml"},
	{"process without a command",
		"index.html=x|berth.yaml=processes: {worker: {memory: 64M}}\n", NULL, NULL,
		"processes.worker has no command"},

	{"fastapi", REQ "fastapi\nuvicorn[standard]\n|main.py=app = FastAPI()\n", "python",
		"fastapi",
		"uvicorn --uds \"$LISTEN\" --proxy-headers --forwarded-allow-ips='*' main:app",
		"-r requirements.txt"},
	{"fastapi standard in app/",
		REQ "fastapi[standard]\n|app/main.py=from app.db import x\napi = "
		    "FastAPI()\n",
		"python", "fastapi", "app.main:api", "pip"},
	{"fastapi inside app/", REQ "fastapi\n|app/main.py=import db\napp = FastAPI()\n", "python",
		"fastapi", "--app-dir app main:app", "pip"},
	{"fastapi in src/", REQ "fastapi\n|src/main.py=app = FastAPI()\n", "python", "fastapi",
		"--app-dir src main:app", "pip"},
	{"fastapi entrypoint",
		"pyproject.toml=[project]\nname='x'\ndependencies=['fastapi']\n"
		"[tool.fastapi]\nentrypoint='shop.web:site'\n",
		"python", "fastapi", "shop.web:site", "pip install --no-input"},
	{"fastapi with hypercorn", REQ "fastapi\nhypercorn\n|main.py=app = FastAPI()\n", "python",
		"fastapi", "hypercorn --bind \"unix:$LISTEN\" main:app", "pip"},
	{"litestar", REQ "litestar\nuvicorn\n|app.py=app = Litestar([x])\n", "python", "litestar",
		"uvicorn", "pip"},
	{"quart", REQ "quart\nhypercorn\n|app.py=app = Quart(__name__)\n", "python", "quart",
		"hypercorn", "pip"},
	{"starlette", REQ "starlette\nuvicorn\n|main.py=app = Starlette()\n", "python", "starlette",
		"uvicorn", "pip"},
	{"flask", REQ "Flask\ngunicorn\n|app.py=app = Flask(__name__)\n", "python", "flask",
		"gunicorn --bind \"unix:$LISTEN\" --access-logfile - app:app", "pip"},
	{"flask factory", REQ "flask\ngunicorn\n|app.py=def create_app():\n  return Flask('x')\n",
		"python", "flask", "'app:create_app()'", "pip"},
	{"flask without a server", REQ "flask\n|app.py=app = Flask(__name__)\n", NULL, NULL,
		"add gunicorn to requirements.txt"},
	{"flask-cors is not flask", REQ "flask-cors\n|main.py=x\n", "python", NULL,
		"python main.py", "pip"},
	{"a script", "main.py=print(1)\n", "python", NULL, "python main.py", "venv"},
	{"a bot is a worker", REQ "x\n|bot.py=print(1)\n", "python", NULL, NULL, "pip"},
	{"python, nothing to run", REQ "x\n", NULL, NULL, "what to run is not known"},
	{"requirements of PowerShell",
		REQ "\xff\xfe"
		    "f",
		NULL, NULL, "save it as UTF-8"},
	{"misspelt requirements", "requirement.txt=flask\n|app.py=x", NULL, NULL, "rename it"},
	{"an include that is missing", REQ "-r base.txt\n", NULL, NULL, "includes base.txt"},
	{"an include",
		REQ "-r deps/base.txt\n|deps/base.txt=-r more.txt\n|deps/more.txt=fastapi\n|"
		    "main.py=app = FastAPI()\n",
		"python", "fastapi", "main:app", "pip"},
	{"includes that go round", REQ "-r requirements.txt\nfastapi\n|main.py=app = FastAPI()\n",
		"python", "fastapi", "main:app", "pip"},
	{"Pipfile", "Pipfile=x", NULL, NULL, "pipenv is not supported"},
	{"python version", REQ "x\n|.python-version=3.12\n|main.py=x", NULL, NULL,
		".python-version asks for Python 3.12, this host has 3.11.2"},
	{"python version that is here", REQ "x\n|.python-version=3.13.1\n|main.py=x", "python",
		NULL, "python main.py", "python3.13 -m venv"},
	{"requires-python",
		"pyproject.toml=[project]\nrequires-python='>=3.13'\ndependencies=['x']\n|"
		"main.py=x",
		NULL, NULL, "requires Python >=3.13, this host has 3.11.2"},
	{"a linter's pyproject", "pyproject.toml=[tool.ruff]\n|index.html=x", "static", NULL, NULL,
		NULL, "/=."},
	{"a package",
		"pyproject.toml=[project]\nname='x'\ndependencies=['flask','gunicorn']\n"
		"[build-system]\nrequires=['x']\n|wsgi.py=app = Flask('x')\n",
		"python", "flask", "wsgi:app",
		"pip install --no-input --progress-bar off "
		"--disable-pip-version-check ."},

	{"django",
		REQ
		"Django>=4\ngunicorn\n|manage.py=os.environ.setdefault('DJANGO_SETTINGS_MODULE', "
		"'shop.settings')\n|shop/settings.py=BASE_DIR = Path(__file__).resolve().parent."
		"parent\nWSGI_APPLICATION = 'shop.wsgi.application'\nSTATIC_URL = "
		"'static/'\nSTATIC_ROOT = BASE_DIR / 'staticfiles'\n",
		"python", "django",
		"gunicorn --bind \"unix:$LISTEN\" --access-logfile - "
		"shop.wsgi:application",
		"pip|collectstatic", "/static=staticfiles"},
	{"django settings package",
		REQ "django\ngunicorn\n|manage.py=setdefault("
		    "\"DJANGO_SETTINGS_MODULE\", \"config.settings.production\")\n|"
		    "config/settings/base.py=WSGI_APPLICATION = "
		    "\"config.wsgi.application\"\nBASE_DIR = Path(__file__).parent.parent"
		    "\nSTATIC_ROOT = BASE_DIR / 'x'\nSTATIC_URL = '/s/'\n|"
		    "config/settings/production.py=from .base import *\n",
		"python", "django", "config.wsgi:application", "pip|collectstatic"},
	{"django without gunicorn",
		REQ "django\n|manage.py=setdefault('DJANGO_SETTINGS_MODULE', "
		    "'a.settings')\n|a/settings.py=WSGI_APPLICATION='a.wsgi.application'",
		NULL, NULL, "add gunicorn"},
	{"django with asgi",
		REQ "django\nuvicorn\n|manage.py=setdefault('DJANGO_SETTINGS_MODULE', "
		    "'a.settings')\n|a/settings.py=ASGI_APPLICATION='a.asgi.application'",
		"python", "django", "uvicorn", "pip"},
	{"django and vite",
		REQ "django\ngunicorn\n|manage.py=setdefault('DJANGO_SETTINGS_MODULE', "
		    "'a.settings')\n|a/settings.py=WSGI_APPLICATION='a.wsgi.application'|" PKG
		    "{\"scripts\":{\"build\":\"vite build\"},\"devDependencies\":{\"vite\":\"5\"}}",
		"python", "django", "gunicorn", "npm install --include=dev|npm run build|pip"},

	{"express",
		PKG "{\"scripts\":{\"start\":\"node server.js\"},\"dependencies\":{\"express\":"
		    "\"4\"}}|package-lock.json={}",
		"node", "express", "node server.js", "npm ci --omit=dev"},
	{"node without a lock", PKG "{\"main\":\"a.js\",\"dependencies\":{\"x\":\"1\"}}|a.js=x",
		"node", NULL, "node a.js", "npm install --omit=dev"},
	{"node without packages", PKG "{}|server.js=x", "node", NULL, "node server.js"},
	{"a start script of several commands", PKG "{\"scripts\":{\"start\":\"a && node b\"}}",
		"node", NULL, "npm start"},
	{"a start script with hooks", PKG "{\"scripts\":{\"start\":\"node b\",\"prestart\":\"x\"}}",
		"node", NULL, "npm start"},
	{"node build, then prune",
		PKG "{\"scripts\":{\"start\":\"node b\",\"build\":\"tsc\"},"
		    "\"devDependencies\":{\"typescript\":\"5\"}}|package-lock.json={}",
		"node", NULL, "node b", "npm ci --include=dev|npm run build|npm prune"},
	{"next",
		PKG "{\"scripts\":{\"start\":\"next start\",\"build\":\"next build\"},"
		    "\"dependencies\":{\"next\":\"14\"}}",
		"node", "next", "next start", "npm install|npm run build"},
	{"vite",
		PKG "{\"scripts\":{\"build\":\"vite build\"},\"devDependencies\":{\"vite\":\"5\"}}",
		"node", "vite", NULL, "npm install|npm run build|rm -rf node_modules",
		"/=dist:index.html"},
	{"vite with an outDir",
		PKG "{\"scripts\":{\"build\":\"vite build\"},\"devDependencies\":{"
		    "\"vite\":\"5\"}}|vite.config.js=build: { outDir: './www' }",
		"node", "vite", NULL, "npm|npm|rm", "/=www:index.html"},
	{"create-react-app",
		PKG "{\"scripts\":{\"start\":\"react-scripts start\",\"build\":"
		    "\"react-scripts build\"},\"dependencies\":{\"react-scripts\":\"5\"}}|"
		    "public/index.html=x",
		"node", "react-scripts", NULL, "npm|npm|rm", "/=build:index.html"},
	{"vite behind express",
		PKG "{\"scripts\":{\"start\":\"node s.js\",\"build\":\"vite build\"},"
		    "\"dependencies\":{\"express\":\"4\",\"vite\":\"5\"}}",
		"node", "express", "node s.js", "npm|npm"},
	{"pnpm", PKG "{}|pnpm-lock.yaml=x", NULL, NULL, "pnpm is not supported by this version"},
	{"yarn", PKG "{}|yarn.lock=x", NULL, NULL, "yarn is not supported"},
	{"packageManager", PKG "{\"packageManager\":\"pnpm@9\"}", NULL, NULL, "names pnpm@9"},
	{"engines", PKG "{\"engines\":{\"node\":\">=22\"}}|server.js=x", NULL, NULL,
		"asks for node >=22, this host has 20.20.2"},
	{"package.json is not JSON", PKG "{", NULL, NULL, "package.json is not valid JSON: line 1"},
	{"node, nothing to start", PKG "{}", NULL, NULL, "no start script"},

	{"go", "go.mod=module example.com/shop/v2\n\ngo 1.19\n|main.go=package main\n", "go", NULL,
		"./bin/shop", "go build -trimpath -ldflags='-s -w' -o bin/shop ."},
	{"go in cmd/", "go.mod=module example.com/x\n|cmd/serve/main.go=package main\n", "go", NULL,
		"./bin/serve", "./cmd/..."},
	{"go, several in cmd/",
		"go.mod=module example.com/x\n|cmd/a/m.go=package main\n|cmd/b/m.go="
		"package main\n",
		NULL, NULL, "2 programs in cmd/"},
	{"go, several with a server",
		"go.mod=module example.com/x\n|cmd/a/m.go=package main\n|cmd/web/"
		"m.go=package main\n",
		"go", NULL, "./bin/web", "./cmd/..."},
	{"go, several with a Procfile",
		"go.mod=module x\n|cmd/a/m.go=package main\n|cmd/b/m.go=package "
		"main\n|Procfile=web: bin/b\n",
		"go", NULL, "bin/b", "./cmd/..."},
	{"go library", "go.mod=module x\n|lib.go=package lib\n", NULL, NULL, "no main package"},
	{"go too old", "go.mod=module x\ngo 1.99\n|main.go=package main\n", NULL, NULL,
		"go.mod asks for Go 1.99, this host has 1.26.1"},
	{"go test files do not count", "go.mod=module x\n|a_test.go=package main\n", NULL, NULL,
		"no main package"},

	{"one script", "+run=#!/bin/sh\n|data.csv=1", "executable", NULL, "./run"},
	{"two scripts", "+run=#!/bin/sh\n|+other=#!/bin/sh\n", NULL, NULL,
		"nothing that can be built"},
	{"a script beside a site", "+deploy.sh=#!/bin/sh\n|index.html=x", "static", NULL, NULL,
		NULL, "/=."},
	{"a name with a space", "+my run=#!/bin/sh\n", "executable", NULL, "'./my run'"},
	{"a macOS program", "+shop=\xcf\xfa\xed\xfe and so on", NULL, NULL, "is a macOS program"},
	{"a Windows program", "+shop.exe=MZ and so on", NULL, NULL, "is a Windows program"},

	{"ruby", "Gemfile=x|package.json={}", NULL, NULL, "Ruby is not supported by this version"},
	{"php", "composer.json={}|package.json={}", NULL, NULL, "PHP is not supported"},
	{"rust", "Cargo.toml=x", NULL, NULL, "Rust is not supported"},
	{"dockerfile", "Dockerfile=FROM x", NULL, NULL, "Dockerfile is not supported"},
	{"dockerfile beside go", "Dockerfile=x|go.mod=module x\n|main.go=package main\n", "go",
		NULL, "./bin/x", "go build"},
	{"nothing", "README.md=x|notes.txt=y", NULL, NULL, "found: README.md, notes.txt"},
	{"empty", "", NULL, NULL, "there are no files to deploy"},
};

/* What this host has, in these tests. */
static char *tool_version(const struct toolchain *t, const char *program)
{
	static const struct {
		const char *program, *version;
	} have[] = {
		{"python3", "3.11.2"},
		{"python3.13", "3.13.0"},
		{"node", "20.20.2"},
		{"go", "1.26.1"},
	};
	(void)t;
	for (size_t i = 0; i < ARRAY_SIZE(have); i++)
		if (streq(have[i].program, program))
			return xstrdup(have[i].version);
	return NULL;
}

static const struct toolchain tools = {.version = tool_version};

static void write_file(const char *dir, struct str part)
{
	const char *equals = memchr(part.p, '=', part.len);
	bool executable = part.p[0] == '+';
	struct str name = {part.p + executable, (size_t)(equals - part.p) - executable};
	_cleanup_free_ char *path = xasprintf("%s/" STR_FMT, dir, STR_ARG(name));
	_cleanup_free_ char *parent = xstrdup(path);
	struct err err;

	*strrchr(parent, '/') = '\0';
	assert_int_equal(file_make_dirs(parent, 0755, &err), 0);
	assert_int_equal(file_replace(path, equals + 1, part.len - (size_t)(equals + 1 - part.p),
				 executable ? 0755 : 0644, &err),
		0);
}

static void make_tree(char *dir, const char *tree)
{
	struct str rest = str_from(tree), part;

	assert_non_null(mkdtemp(dir));
	while (str_split(&rest, '|', &part))
		write_file(dir, part);
}

static void check_steps(const struct row *row, const struct plan *p)
{
	struct str rest = str_from(row->steps), part;
	size_t i = 0;

	while (row->steps && str_split(&rest, '|', &part)) {
		_cleanup_free_ char *words = str_dup(part);
		if (i >= p->step_count || !strstr(p->steps[i].command, words))
			fail_msg("%s: step %zu is %s", row->name, i,
				i < p->step_count ? p->steps[i].command : "missing");
		i++;
	}
	if (i != p->step_count)
		fail_msg("%s: %zu steps, the next is %s", row->name, p->step_count,
			p->steps[i].command);
}

static void check_statics(const struct row *row, const struct plan *p)
{
	struct str rest = str_from(row->statics), part;
	size_t i = 0;

	for (; row->statics && str_split(&rest, '|', &part); i++) {
		assert_true(i < p->static_count);
		const struct plan_static *s = &p->statics[i];
		_cleanup_free_ char *have = xasprintf("%s=%s%s%s", s->prefix, s->dir,
			s->fallback ? ":" : "", s->fallback ? s->fallback : "");
		_cleanup_free_ char *want = str_dup(part);
		if (!streq(have, want))
			fail_msg("%s: serves %s", row->name, have);
	}
	if (i != p->static_count)
		fail_msg("%s: serves %zu folders", row->name, p->static_count);
}

static void check_plan(const struct row *row, const struct plan *p)
{
	const struct plan_process *web = plan_process(p, "web");

	if (!streq(p->stack, row->stack) || !streq(p->framework, row->framework))
		fail_msg("%s: %s, %s", row->name, p->stack, p->framework ? p->framework : "-");
	if ((web != NULL) != (row->web != NULL) || (web && !strstr(web->command, row->web)))
		fail_msg("%s: web is %s", row->name, web ? web->command : "missing");
	check_steps(row, p);
	check_statics(row, p);
	/* Whatever detection makes, the agent's reader must take. */
	_cleanup_free_ char *text = plan_format(p);
	_cleanup_(plan_freep) struct plan *back = NULL;
	struct err err;
	if (plan_parse(text, strlen(text), &back, &err) < 0)
		fail_msg("%s: %s", row->name, err.msg);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char dir[] = "/tmp/berth-detect-XXXXXX";
		_cleanup_(plan_freep) struct plan *p = NULL;
		_cleanup_(source_close) struct source s = {-1};
		struct err err = {0};
		make_tree(dir, row->tree);
		assert_int_equal(source_open(dir, &s, &err), 0);
		int r = detect_plan(&s, &tools, &p, &err);
		(void)file_remove_tree(dir, NULL);
		if (row->stack && r < 0)
			fail_msg("%s: %s", row->name, err.msg);
		if (row->stack)
			check_plan(row, p);
		else if (r >= 0 || !strstr(err.msg, row->web))
			fail_msg("%s: %s", row->name, r < 0 ? err.msg : p->stack);
	}
}

/* Links in a tree lead nowhere else. */
static void test_links_stay_inside(void **state)
{
	char dir[] = "/tmp/berth-detect-XXXXXX";
	_cleanup_(source_close) struct source s = {-1};
	struct err err;

	(void)state;
	make_tree(dir, "a=x");
	assert_int_equal(source_open(dir, &s, &err), 0);
	assert_int_equal(symlinkat("/etc/passwd", s.dirfd, "absolute"), 0);
	assert_int_equal(symlinkat("../../etc/passwd", s.dirfd, "upwards"), 0);
	assert_int_equal(symlinkat("a", s.dirfd, "inside"), 0);
	assert_int_equal(mkfifoat(s.dirfd, "fifo", 0600), 0);
	assert_false(source_has_file(&s, "absolute"));
	assert_false(source_has_file(&s, "upwards"));
	assert_false(source_has_file(&s, "../x"));
	assert_true(source_has_file(&s, "inside"));
	assert_false(source_has_file(&s, "fifo"));
	assert_null(source_text(&s, "fifo", NULL));
	(void)file_remove_tree(dir, NULL);
}

/* The program of this very test is one that this host runs. */
static void test_compiled(void **state)
{
	char dir[] = "/tmp/berth-detect-XXXXXX";
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(source_close) struct source s = {-1};
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct err err = {0};

	(void)state;
	make_tree(dir, "data.txt=x|index.html=x");
	assert_int_equal(file_read("/proc/self/exe", 64u << 20, &text, &len, &err), 0);
	_cleanup_free_ char *path = xasprintf("%s/shop", dir);
	assert_int_equal(file_replace(path, text, len, 0644, &err), 0);
	assert_int_equal(source_open(dir, &s, &err), 0);
	if (detect_plan(&s, &tools, &p, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(p->stack, "executable");
	assert_string_equal(plan_process(p, "web")->command, "./shop");
	assert_string_equal(p->steps[0].command, "chmod +x ./shop");
	plan_free(take_ptr(p));
	text[18] = 0x28; /* e_machine: ARM */
	assert_int_equal(file_replace(path, text, len, 0755, &err), 0);
	assert_true(detect_plan(&s, &tools, &p, &err) < 0);
	assert_non_null(strstr(err.msg, "another kind of processor"));
	(void)file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_links_stay_inside),
		cmocka_unit_test(test_compiled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
