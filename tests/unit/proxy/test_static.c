/* SPDX-License-Identifier: Apache-2.0
 *
 * Static responses against a real tree: look-up order, fallback, fields, and every way out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "proxy/static.h"

static char tree[] = "/tmp/berth-static.XXXXXX";
static int root = -1;

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", tree, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(file_make_dirs(full, 0755, NULL), 0);
	*slash = '/';
	assert_int_equal(file_replace(full, text, strlen(text), 0644, NULL), 0);
}

static void put_link(const char *path, const char *target)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", tree, path);
	assert_int_equal(symlink(target, full), 0);
}

static int make_tree(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(tree));
	put("secret.txt", "outside");
	put("site/index.html", "home");
	put("site/about.html", "about");
	put("site/docs/index.html", "docs");
	put("site/both.html", "page");
	put("site/both/index.html", "folder");
	put("site/empty/x.txt", "x");
	put("site/app.3f2a9c1b.js", "script");
	put("site/style.css", "0123456789");
	put("site/zipped.js", "identity!");
	put("site/zipped.js.gz", "gz");
	put("site/zipped.js.br", "b");
	put("site/only.css", "identity");
	put("site/only.css.gz", "gzip");
	put("site/pic.png", "png");
	put("site/pic.png.gz", "never");
	put("site/.env", "SECRET=1");
	put("site/.git/config", "secret");
	put("site/.well-known/security.txt", "contact");
	put("site/berth.yaml", "env: {}");
	put("site/a b/\xc3\xa9.txt", "name");
	put("site/zero.txt", "");
	put("site/README", "plain");
	put_link("site/out.txt", "../secret.txt");
	put_link("site/abs.txt", "/etc/hostname");
	put_link("site/outdir", "..");
	put_link("site/in.txt", "style.css");
	put_link("site/loop.txt", "loop.txt");
	put_link("site/proc.txt", "/proc/self/environ");
	_cleanup_free_ char *fifo = xasprintf("%s/site/fifo.txt", tree);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	_cleanup_free_ char *site = xasprintf("%s/site", tree);
	root = open(site, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int remove_tree(void **state)
{
	(void)state;
	(void)close(root);
	return file_remove_tree(tree, NULL);
}

static struct static_request get(const char *path)
{
	return (struct static_request){.root = root, .method = STR("GET"), .path = str_from(path)};
}

/* The body as text; owned. Checks that the response's offset and length fit the file. */
static char *body_of(const struct static_response *r)
{
	char *text = xcalloc(r->length + 1, 1);
	if (r->length > 0)
		assert_int_equal(
			pread(r->fd, text, r->length, (off_t)r->offset), (ssize_t)r->length);
	return text;
}

static void look_up(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
		const char *body, *type;
	} cases[] = {
		{"/", 200, "home", "text/html; charset=utf-8"},
		{"/index.html", 200, "home", "text/html; charset=utf-8"},
		{"/about", 200, "about", "text/html; charset=utf-8"},
		{"/about.html", 200, "about", "text/html; charset=utf-8"},
		{"/both", 200, "page", "text/html; charset=utf-8"},
		{"/both/", 200, "folder", "text/html; charset=utf-8"},
		{"/docs/", 200, "docs", "text/html; charset=utf-8"},
		{"/docs", 308, NULL, NULL},
		{"/style.css", 200, "0123456789", "text/css; charset=utf-8"},
		{"/README", 200, "plain", "application/octet-stream"},
		{"/a%20b/%C3%A9.txt", 200, "name", "text/plain; charset=utf-8"},
		{"/zero.txt", 200, "", "text/plain; charset=utf-8"},
		{"/in.txt", 200, "0123456789", "text/plain; charset=utf-8"},
		{"/.well-known/security.txt", 200, "contact", "text/plain; charset=utf-8"},
		{"/nothing", 404, NULL, NULL},
		{"/style.css/", 404, NULL, NULL},
		{"/style.css/x", 404, NULL, NULL},
		{"/empty", 404, NULL, NULL},
		{"/empty/", 404, NULL, NULL},
		{"/.env", 404, NULL, NULL},
		{"/.git/config", 404, NULL, NULL},
		{"/.well-known/", 404, NULL, NULL},
		{"/berth.yaml", 404, NULL, NULL},
		{"/out.txt", 404, NULL, NULL},
		{"/abs.txt", 404, NULL, NULL},
		{"/outdir/secret.txt", 404, NULL, NULL},
		{"/loop.txt", 404, NULL, NULL},
		{"/proc.txt", 404, NULL, NULL},
		{"/fifo.txt", 404, NULL, NULL},
		{"//", 404, NULL, NULL},
		{"/../secret.txt", 400, NULL, NULL},
		{"/%2e%2e/secret.txt", 400, NULL, NULL},
		{"/a%2fb", 400, NULL, NULL},
		{"/style.css%00", 400, NULL, NULL},
		{"*", 404, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = get(cases[i].path);
		struct static_response r;
		static_respond(&request, &r);
		if (r.status != cases[i].status)
			fail_msg("%s: %u", cases[i].path, r.status);
		assert_int_equal(r.has_file, cases[i].body != NULL);
		if (cases[i].body) {
			_cleanup_free_ char *body = body_of(&r);
			assert_string_equal(body, cases[i].body);
			assert_string_equal(r.content_type, cases[i].type);
			assert_string_equal(r.accept_ranges, "bytes");
		} else {
			assert_int_equal(r.fd, -1);
		}
		static_response_release(&r);
	}
}

static void folder_redirect(void **state)
{
	struct static_request request = get("/docs");
	struct static_response r;

	(void)state;
	request.query = STR("a=1");
	static_respond(&request, &r);
	assert_int_equal(r.status, 308);
	assert_string_equal(r.location, "/docs/?a=1");
	static_response_release(&r);

	/* Under a prefix the location keeps it. */
	request = get("/site/docs");
	request.prefix = STR("/site/");
	static_respond(&request, &r);
	assert_int_equal(r.status, 308);
	assert_string_equal(r.location, "/site/docs/");
	static_response_release(&r);

	request = get("/site");
	request.prefix = STR("/site");
	static_respond(&request, &r);
	assert_int_equal(r.status, 308);
	assert_string_equal(r.location, "/site/");
	static_response_release(&r);

	request = get("/sitemap");
	request.prefix = STR("/site");
	static_respond(&request, &r);
	assert_int_equal(r.status, 404);
	static_response_release(&r);
}

static void fallback(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
	} cases[] = {
		{"/users/7", 200},
		{"/users/7/", 200},
		{"/users/john.doe", 200},
		{"/old.html", 200},
		{"/assets/gone.js", 404},
		{"/favicon.ico", 404},
		{"/.env", 404},
		{"/a//b", 404},
		{"/..", 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = get(cases[i].path);
		struct static_response r;
		request.fallback = "index.html";
		static_respond(&request, &r);
		if (r.status != cases[i].status)
			fail_msg("%s: %u", cases[i].path, r.status);
		if (r.status == 200) {
			_cleanup_free_ char *body = body_of(&r);
			assert_string_equal(body, "home");
			assert_string_equal(r.cache_control, "no-cache");
		}
		static_response_release(&r);
	}
}

static void not_found_page(void **state)
{
	struct static_request request = get("/nothing");
	struct static_response r;
	_cleanup_free_ char *page = xasprintf("%s/site/404.html", tree);

	(void)state;
	put("site/404.html", "not here");
	request.if_none_match = STR("*");
	request.range = STR("bytes=0-1");
	static_respond(&request, &r);
	assert_int_equal(r.status, 404);
	assert_true(r.has_file);
	_cleanup_free_ char *body = body_of(&r);
	assert_string_equal(body, "not here");
	assert_string_equal(r.content_type, "text/html; charset=utf-8");
	assert_string_equal(r.etag, "");
	assert_string_equal(r.cache_control, "no-cache");
	static_response_release(&r);
	assert_int_equal(unlink(page), 0);
}

static void methods(void **state)
{
	struct static_request request = get("/style.css");
	struct static_response r;

	(void)state;
	request.method = STR("HEAD");
	request.range = STR("bytes=0-1");
	static_respond(&request, &r);
	assert_int_equal(r.status, 200);
	assert_true(r.has_file);
	assert_int_equal(r.fd, -1);
	assert_int_equal(r.length, 10);
	static_response_release(&r);

	request.method = STR("POST");
	static_respond(&request, &r);
	assert_int_equal(r.status, 405);
	assert_string_equal(r.allow, "GET, HEAD");
	assert_false(r.has_file);
	static_response_release(&r);

	/* Methods are case-sensitive (RFC 9110 §9.1). */
	request.method = STR("get");
	static_respond(&request, &r);
	assert_int_equal(r.status, 405);
	static_response_release(&r);
}

static void ranges(void **state)
{
	struct static_request request = get("/style.css");
	struct static_response r;

	(void)state;
	request.range = STR("bytes=2-4");
	static_respond(&request, &r);
	assert_int_equal(r.status, 206);
	assert_string_equal(r.content_range, "bytes 2-4/10");
	_cleanup_free_ char *body = body_of(&r);
	assert_string_equal(body, "234");
	char etag[STATIC_ETAG_SIZE];
	memcpy(etag, r.etag, sizeof etag);
	static_response_release(&r);

	request.if_range = str_from(etag);
	static_respond(&request, &r);
	assert_int_equal(r.status, 206);
	static_response_release(&r);

	request.if_range = STR("\"another\"");
	static_respond(&request, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.length, 10);
	static_response_release(&r);

	request.if_range = (struct str){0};
	request.range = STR("bytes=10-");
	static_respond(&request, &r);
	assert_int_equal(r.status, 416);
	assert_string_equal(r.content_range, "bytes */10");
	assert_int_equal(r.fd, -1);
	static_response_release(&r);
}

static void validators(void **state)
{
	struct static_request request = get("/style.css");
	struct static_response first, r;

	(void)state;
	static_respond(&request, &first);
	static_respond(&request, &r);
	assert_string_equal(first.etag, r.etag);
	static_response_release(&r);

	request.if_none_match = str_from(first.etag);
	static_respond(&request, &r);
	assert_int_equal(r.status, 304);
	assert_int_equal(r.fd, -1);
	assert_string_equal(r.etag, first.etag);
	assert_string_equal(r.cache_control, "public, max-age=60");
	static_response_release(&r);

	request.if_none_match = (struct str){0};
	request.if_modified_since = str_from(first.last_modified);
	static_respond(&request, &r);
	assert_int_equal(r.status, 304);
	static_response_release(&r);

	/* Same size, same modification time, another file: another tag. */
	struct stat st;
	assert_int_equal(fstat(first.fd, &st), 0);
	put("site/style.css", "9876543210");
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	_cleanup_free_ char *path = xasprintf("%s/site/style.css", tree);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	request.if_modified_since = (struct str){0};
	request.if_none_match = str_from(first.etag);
	static_respond(&request, &r);
	assert_int_equal(r.status, 200);
	assert_string_not_equal(r.etag, first.etag);
	assert_string_equal(r.last_modified, first.last_modified);
	static_response_release(&r);
	static_response_release(&first);
	put("site/style.css", "0123456789");
}

static void encodings(void **state)
{
	static const struct {
		const char *path, *accept, *encoding, *body;
		bool vary;
	} cases[] = {
		{"/zipped.js", NULL, NULL, "identity!", true},
		{"/zipped.js", "gzip", "gzip", "gz", true},
		{"/zipped.js", "gzip, br", "br", "b", true},
		{"/zipped.js", "gzip;q=1, br;q=0.9", "gzip", "gz", true},
		{"/zipped.js", "gzip;q=0, br;q=0", NULL, "identity!", true},
		{"/only.css", "gzip, br", "gzip", "gzip", true},
		{"/only.css", "br", NULL, "identity", true},
		{"/style.css", "gzip, br", NULL, "0123456789", true},
		{"/pic.png", "gzip", NULL, "png", false},
		{"/zipped.js.gz", "gzip", NULL, "gz", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = get(cases[i].path);
		struct static_response r;
		request.accept_encoding = str_from(cases[i].accept);
		static_respond(&request, &r);
		assert_int_equal(r.status, 200);
		_cleanup_free_ char *body = body_of(&r);
		if (!streq(body, cases[i].body) || !streq(r.content_encoding, cases[i].encoding))
			fail_msg("%s for %s: %s", cases[i].path,
				cases[i].accept ? cases[i].accept : "(absent)", body);
		assert_int_equal(r.vary != NULL, cases[i].vary);
		static_response_release(&r);
	}
}

static void tags_differ_by_encoding(void **state)
{
	struct static_request request = get("/zipped.js");
	struct static_response plain, zipped;

	(void)state;
	static_respond(&request, &plain);
	request.accept_encoding = STR("gzip");
	static_respond(&request, &zipped);
	assert_string_not_equal(plain.etag, zipped.etag);
	assert_string_equal(zipped.content_type, "text/javascript; charset=utf-8");
	static_response_release(&plain);
	static_response_release(&zipped);
}

static void lifetimes(void **state)
{
	static const struct {
		const char *path, *cache_control;
	} cases[] = {
		{"/", "no-cache"},
		{"/about", "no-cache"},
		{"/style.css", "public, max-age=60"},
		{"/app.3f2a9c1b.js", "public, max-age=31536000, immutable"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct static_request request = get(cases[i].path);
		struct static_response r;
		static_respond(&request, &r);
		assert_string_equal(r.cache_control, cases[i].cache_control);
		static_response_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(look_up),
		cmocka_unit_test(folder_redirect),
		cmocka_unit_test(fallback),
		cmocka_unit_test(not_found_page),
		cmocka_unit_test(methods),
		cmocka_unit_test(ranges),
		cmocka_unit_test(validators),
		cmocka_unit_test(encodings),
		cmocka_unit_test(tags_differ_by_encoding),
		cmocka_unit_test(lifetimes),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
