/* SPDX-License-Identifier: Apache-2.0
 *
 * The control client against a proxy that is late, goes away, comes back, refuses and is silent.
 * Client and stand-in run in one loop, so the order of events is fixed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <ev.h>

#include "agent/edge/control.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/sock.h"

/* What the stand-in does with each line that it gets. */
enum habit { ANSWER, REFUSE, SILENT, HANG_UP, GARBAGE };

struct proxy {
	struct ev_loop *loop;
	char path[64];
	int listener, fd;
	struct ev_io acceptable, readable;
	enum habit habits[8]; /* of the n-th line; then ANSWER */
	unsigned lines;
	char seen[512];
};

struct answers {
	struct ev_loop *loop;
	unsigned count, wanted, connected;
	int results[8];
	char words[8][ERR_MSG_MAX];
};

static void hang_up(struct proxy *p)
{
	ev_io_stop(p->loop, &p->readable);
	if (p->fd >= 0)
		(void)close(take_fd(&p->fd));
}

static void on_line(struct proxy *p, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	json_int_t id = json_integer_value(json_object_get(o, "id"));
	enum habit habit = p->lines < 8 ? p->habits[p->lines] : ANSWER;
	char answer[128] = "";

	p->lines++;
	size_t used = strlen(p->seen);
	(void)snprintf(p->seen + used, sizeof p->seen - used, "%s ",
		json_string_value(json_object_get(o, "op")));
	json_decref(o);
	if (habit == ANSWER)
		(void)snprintf(answer, sizeof answer, "{\"id\":%lld,\"ok\":true}\n", (long long)id);
	else if (habit == REFUSE)
		(void)snprintf(answer, sizeof answer,
			"{\"id\":%lld,\"ok\":false,\"error\":\"sites[0]: no\"}\n", (long long)id);
	else if (habit == GARBAGE)
		(void)snprintf(answer, sizeof answer, "[1,2]\n");
	if (habit == HANG_UP)
		hang_up(p);
	else
		assert_int_equal(fd_write_all(p->fd, answer, strlen(answer)), 0);
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct proxy *p = w->data;
	char bytes[1024];

	(void)loop;
	(void)events;
	ssize_t n = recv(p->fd, bytes, sizeof bytes - 1, 0);
	if (n <= 0) {
		hang_up(p);
		return;
	}
	struct str rest = {bytes, (size_t)n}, line;
	while (p->fd >= 0 && str_split(&rest, '\n', &line)) {
		_cleanup_free_ char *text = str_dup(line);
		if (text[0])
			on_line(p, text);
	}
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct proxy *p = w->data;

	(void)events;
	hang_up(p);
	p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(p->fd >= 0);
	ev_io_set(&p->readable, p->fd, EV_READ);
	ev_io_start(loop, &p->readable);
}

static void proxy_start(struct proxy *p)
{
	p->listener = sock_listen_unix(p->path, SOCK_STREAM, 0600, NULL);
	assert_true(p->listener >= 0);
	ev_io_init(&p->acceptable, on_acceptable, p->listener, EV_READ);
	ev_init(&p->readable, on_readable);
	p->acceptable.data = p->readable.data = p;
	ev_io_start(p->loop, &p->acceptable);
}

static int set_up(void **state)
{
	struct proxy *p = xnew(struct proxy);

	p->loop = ev_loop_new(0);
	p->fd = p->listener = -1;
	(void)snprintf(p->path, sizeof p->path, "/tmp/berth-control.%d", (int)getpid());
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct proxy *p = *state;

	hang_up(p);
	if (p->listener >= 0) {
		ev_io_stop(p->loop, &p->acceptable);
		(void)close(p->listener);
	}
	(void)unlink(p->path);
	ev_loop_destroy(p->loop);
	free(p);
	return 0;
}

static void on_connected(void *data)
{
	((struct answers *)data)->connected++;
}

static void on_answer(void *data, int result, const json_t *answer, const struct err *err)
{
	struct answers *a = data;

	assert_true((result == 0) == (answer != NULL));
	a->results[a->count] = result;
	(void)snprintf(a->words[a->count], sizeof a->words[0], "%s", err ? err->msg : "");
	if (++a->count == a->wanted)
		ev_break(a->loop, EVBREAK_ALL);
}

static void test_waits_for_the_proxy_and_keeps_the_order(void **state)
{
	struct proxy *p = *state;
	struct answers a = {.loop = p->loop, .wanted = 3};
	struct control *c = control_new(p->loop, p->path, on_connected, &a);

	control_request(c, "apply", "{\"a\":\n1}", 5000, on_answer, &a);
	control_request(c, "status", NULL, 5000, on_answer, &a);
	control_request(c, "apply", "{}", 5000, on_answer, &a);
	ev_run(p->loop, EVRUN_NOWAIT);
	assert_int_equal(a.count, 0);
	proxy_start(p);
	ev_run(p->loop, 0);
	assert_string_equal(p->seen, "apply status apply ");
	assert_int_equal(a.connected, 1);
	control_free(c);
}

static void test_refusal_has_the_proxys_words(void **state)
{
	struct proxy *p = *state;
	struct answers a = {.loop = p->loop, .wanted = 2};
	struct control *c = control_new(p->loop, p->path, on_connected, &a);

	p->habits[0] = REFUSE;
	proxy_start(p);
	control_request(c, "apply", "{}", 5000, on_answer, &a);
	control_request(c, "status", NULL, 5000, on_answer, &a);
	ev_run(p->loop, 0);
	assert_int_equal(a.results[0], -EINVAL);
	assert_non_null(strstr(a.words[0], "sites[0]: no"));
	assert_int_equal(a.results[1], 0);
	control_free(c);
}

static void test_asks_again_after_the_connection_broke(void **state)
{
	struct proxy *p = *state;
	struct answers a = {.loop = p->loop, .wanted = 2};
	struct control *c = control_new(p->loop, p->path, on_connected, &a);

	p->habits[0] = HANG_UP;
	p->habits[1] = GARBAGE;
	proxy_start(p);
	control_request(c, "apply", "{}", 5000, on_answer, &a);
	control_request(c, "status", NULL, 5000, on_answer, &a);
	ev_run(p->loop, 0);
	assert_int_equal(a.results[0], 0);
	assert_int_equal(a.results[1], 0);
	assert_true(a.connected >= 3);
	control_free(c);
}

static void test_deadlines(void **state)
{
	struct proxy *p = *state;
	struct answers a = {.loop = p->loop, .wanted = 1};
	struct control *c = control_new(p->loop, p->path, on_connected, &a);

	control_request(c, "status", NULL, 20, on_answer, &a);
	ev_run(p->loop, 0);
	assert_int_equal(a.results[0], -ENOTCONN);
	assert_non_null(strstr(a.words[0], "is berth-proxy running?"));

	p->habits[0] = SILENT;
	proxy_start(p);
	a.wanted = 2;
	control_request(c, "status", NULL, 400, on_answer, &a);
	ev_run(p->loop, 0);
	assert_int_equal(a.results[1], -ETIMEDOUT);
	/* What comes after it is answered as if nothing had been. */
	a.wanted = 3;
	control_request(c, "status", NULL, 5000, on_answer, &a);
	ev_run(p->loop, 0);
	assert_int_equal(a.results[2], 0);
	control_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_waits_for_the_proxy_and_keeps_the_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_refusal_has_the_proxys_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_asks_again_after_the_connection_broke, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deadlines, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
