/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading Python files for the object that a server serves. A line scanner: what matters here
 * stands at the start of a line, and user code is never run to find out.
 */
#include <ctype.h>

#include "builders/python.h"
#include "lib/base/str.h"

/* In the order in which the frameworks' own tools look, the root before src/. */
static const char *const files[] = {"main.py", "app.py", "api.py", "asgi.py", "wsgi.py",
	"application.py", "server.py", "app/main.py", "app/app.py", "app/api.py", "app/__init__.py",
	"application/__init__.py", "src/main.py", "src/app.py", "src/api.py", "src/app/main.py",
	"src/app/app.py", "src/app/api.py"};

static const char *const preferred[] = {"app", "application", "api"};
static const char *const factories[] = {"create_app", "make_app"};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(struct str s)
{
	size_t n = 0;

	while (n < s.len && is_word(s.p[n]))
		n++;
	return n;
}

/* `NAME = ...` or `NAME: Type = ...`: the name's length and what is behind '='. */
static size_t assignment(struct str line, struct str *ret_value)
{
	size_t n = word_length(line), i = n;

	if (n == 0 || isdigit((unsigned char)line.p[0]))
		return 0;
	while (i < line.len && line.p[i] != '=' && line.p[i] != '(' && line.p[i] != '#')
		i++;
	struct str between = str_trim((struct str){line.p + n, i - n});
	if (i >= line.len || line.p[i] != '=' || (i + 1 < line.len && line.p[i + 1] == '='))
		return 0;
	if (between.len > 0 && between.p[0] != ':')
		return 0;
	*ret_value = str_trim((struct str){line.p + i + 1, line.len - i - 1});
	return n;
}

/* Is `value` a call of Class or module.Class for one of the classes? */
static bool calls_class(struct str value, const char *const *classes)
{
	size_t i = 0, last = 0;

	while (i < value.len && (is_word(value.p[i]) || value.p[i] == '.')) {
		if (value.p[i] == '.')
			last = i + 1;
		i++;
	}
	struct str name = {value.p + last, i - last};
	if (i >= value.len || value.p[i] != '(')
		return false;
	for (size_t k = 0; classes[k]; k++)
		if (str_eq(name, str_from(classes[k])))
			return true;
	return false;
}

/* "from x import a, app as b": does it bring `name`? */
static bool imports_name(struct str line, struct str name)
{
	const char *import = memmem(line.p, line.len, " import ", 8);
	struct str rest, one;

	if (!str_starts(line, STR("from ")) || !import)
		return false;
	rest = (struct str){import + 8, (size_t)(line.p + line.len - import - 8)};
	while (str_split(&rest, ',', &one)) {
		one = str_trim(one);
		const char *as = memmem(one.p, one.len, " as ", 4);
		if (as)
			one = str_trim((struct str){as + 4, (size_t)(one.p + one.len - as - 4)});
		if (str_eq(one, name))
			return true;
	}
	return false;
}

struct finding {
	struct str first; /* the first NAME = Class( */
	bool named[ARRAY_SIZE(preferred)]; /* app, application, api are bound at the top */
	bool makes[ARRAY_SIZE(factories)]; /* def create_app( without needed arguments */
	bool mentions_class;
};

/* "def create_app():" or with defaults only can be called without arguments. */
static bool is_factory(struct str line, const char *name)
{
	_cleanup_free_ char *head = xasprintf("def %s(", name);

	if (!str_starts(line, str_from(head)))
		return false;
	const char *p = line.p + strlen(head);
	const char *close = memchr(p, ')', (size_t)(line.p + line.len - p));
	struct str arguments = {p, close ? (size_t)(close - p) : 0}, one;
	if (!close)
		return false;
	while (str_split(&arguments, ',', &one)) {
		one = str_trim(one);
		if (one.len > 0 && one.p[0] != '*' && !memchr(one.p, '=', one.len))
			return false;
	}
	return true;
}

static void look_at_line(struct finding *f, struct str line, const char *const *classes)
{
	struct str value;
	size_t n = assignment(line, &value);
	struct str name = {line.p, n};

	if (n > 0 && f->first.len == 0 && calls_class(value, classes))
		f->first = name;
	for (size_t i = 0; i < ARRAY_SIZE(preferred); i++)
		if ((n > 0 && str_eq(name, str_from(preferred[i]))) ||
			imports_name(line, str_from(preferred[i])))
			f->named[i] = true;
	for (size_t i = 0; i < ARRAY_SIZE(factories); i++)
		f->makes[i] = f->makes[i] || is_factory(line, factories[i]);
}

char *python_scan_object(const char *text, const char *const *classes, bool *ret_factory)
{
	struct str rest = str_from(text), line;
	struct finding f = {0};

	*ret_factory = false;
	for (size_t k = 0; classes[k]; k++)
		f.mentions_class = f.mentions_class || strstr(text, classes[k]);
	while (str_split(&rest, '\n', &line))
		if (line.len > 0 && !isspace((unsigned char)line.p[0]))
			look_at_line(&f, line, classes);
	for (size_t i = 0; i < ARRAY_SIZE(preferred); i++)
		if (f.named[i] && (f.first.len == 0 || str_eq(f.first, str_from(preferred[i]))))
			return xstrdup(preferred[i]);
	if (f.first.len > 0)
		return str_dup(f.first);
	for (size_t i = 0; i < ARRAY_SIZE(factories) && f.mentions_class; i++)
		if (f.makes[i]) {
			*ret_factory = true;
			return xstrdup(factories[i]);
		}
	return NULL;
}

/* "app/main.py" as a module seen from `app_dir`: "app.main"; a package is its folder. */
static char *module_name(const char *file, size_t skip)
{
	char *module = xstrndup(file + skip, strlen(file) - skip - 3);

	if (has_suffix(module, "/__init__"))
		module[strlen(module) - strlen("/__init__")] = '\0';
	for (char *p = module; *p; p++)
		if (*p == '/')
			*p = '.';
	return module;
}

/* app/main.py is `main` inside app/ when app is no package and main.py does not say otherwise. */
static bool runs_inside(const struct source *s, const char *file, const char *text)
{
	if (!has_prefix(file, "app/") || has_suffix(file, "/__init__.py") ||
		source_has_file(s, "app/__init__.py"))
		return false;
	return !strstr(text, "from app.") && !strstr(text, "from app ") &&
	       !strstr(text, "import app.") && !strstr(text, "from .");
}

bool python_find_object(
	const struct source *s, const char *const *classes, struct python_object *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = source_text(s, files[i], NULL);
		bool factory = false;
		char *name = text ? python_scan_object(text, classes, &factory) : NULL;
		if (!name)
			continue;
		size_t skip = has_prefix(files[i], "src/")     ? 4
			      : runs_inside(s, files[i], text) ? 4
							       : 0;
		*ret = (struct python_object){
			.app_dir = skip ? xstrdup(files[i][0] == 's' ? "src" : "app") : NULL,
			.module = module_name(files[i], skip),
			.name = name,
			.factory = factory,
		};
		return true;
	}
	return false;
}

void python_object_free(struct python_object *o)
{
	free(o->app_dir);
	free(o->module);
	free(o->name);
	*o = (struct python_object){0};
}

char *python_scan_setting(const char *text, const char *key)
{
	struct str rest = str_from(text), line, value;
	char *found = NULL;

	while (str_split(&rest, '\n', &line)) {
		size_t n = assignment(line, &value);
		if (n == 0 || !str_eq((struct str){line.p, n}, str_from(key)))
			continue;
		if (value.len > 0 && value.p[value.len - 1] == '\r')
			value.len--;
		free(found);
		found = str_dup(value); /* the last one wins, as it does in Python */
	}
	return found;
}
