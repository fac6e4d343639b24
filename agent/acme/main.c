/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-acme: one order for one certificate, as a short-lived child of berth-agent. Speaks with the
 * agent in lines of JSON over descriptor 3:
 *
 *	> {"type":"challenge","host":H,"token":T,"key_authorization":K}
 *	< {"type":"ready"}                      every worker of the proxy serves it
 *	> {"type":"issued","chain":PEM,"key":PEM}
 *	> {"type":"problem","problem":TYPE,"detail":WORDS,"retry_after":SECONDS,"validation":BOOL}
 *
 * The last line is one of the last two. Exit status: 0 issued, 1 not, 2 wrong use.
 */
#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/acme/order.h"
#include "lib/base/clock.h"
#include "lib/base/ident.h"
#include "lib/base/options.h"
#include "lib/sys/fd.h"

#define CONTROL_FD 3
#define READY_TIMEOUT_MS 60000
#define ORDER_TIMEOUT_MS (8 * 60 * 1000)
#define LINE_BYTES_MAX 4096
#define MEMORY_MAX ((rlim_t)512 << 20)
#define CPU_SECONDS_MAX 120

struct flags {
	const char *directory, *ca_file, *domain;
	struct account_options account;
};

static int tell(json_t *line, struct err *err)
{
	_cleanup_free_ char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!text)
		return err_set(err, EINVAL, "the CA sent text that is not UTF-8");
	_cleanup_free_ char *ended = xasprintf("%s\n", text);
	int r = fd_write_all(CONTROL_FD, ended, strlen(ended));
	return r < 0 ? err_errno(err, -r, "the agent does not listen") : 0;
}

/* The agent says one thing only. */
static int await_ready(struct err *err)
{
	_cleanup_buf_ struct buf line = BUF_INIT(LINE_BYTES_MAX);
	int64_t deadline = clock_monotonic_ms() + READY_TIMEOUT_MS;

	while (buf_len(&line) == 0 || !memchr(buf_data(&line), '\n', buf_len(&line))) {
		struct pollfd p = {.fd = CONTROL_FD, .events = POLLIN};
		int64_t left = deadline - clock_monotonic_ms();
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_set(err, ETIMEDOUT, "the proxy did not take the challenge");
		ssize_t n = fd_read(CONTROL_FD, &line, LINE_BYTES_MAX / 4);
		if (n == 0 || (n < 0 && n != -EAGAIN))
			return err_set(err, EPIPE, "the agent ended");
	}
	json_auto_t *said =
		json_loadb(buf_data(&line), buf_len(&line), JSON_DISABLE_EOF_CHECK, NULL);
	if (!streq(json_string_value(json_object_get(said, "type")), "ready"))
		return err_set(err, EPROTO, "the proxy did not take the challenge");
	return 0;
}

static int publish(
	void *data, const char *host, const char *token, const char *answer, struct err *err)
{
	(void)data;
	int r = tell(json_pack("{s:s,s:s,s:s,s:s}", "type", "challenge", "host", host, "token",
			     token, "key_authorization", answer),
		err);
	return r < 0 ? r : await_ready(err);
}

static int run(
	struct acme_client *c, const struct flags *f, struct order_result *result, struct err *err)
{
	const struct order_request request = {
		.domain = f->domain, .account = &f->account, .publish = publish};
	int r = account_load_key(&f->account, &c->key, err);

	c->deadline_ms = clock_monotonic_ms() + ORDER_TIMEOUT_MS;
	if (r == 0)
		r = acme_client_open(c, f->directory, f->ca_file, err);
	if (r == 0)
		r = account_open(c, &f->account, err);
	return r < 0 ? r : order_run(c, &request, result, err);
}

static int order(const struct flags *f)
{
	struct acme_client client = {0};
	_cleanup_(order_result_release) struct order_result result = {0};
	struct err err = {0}, lost;
	int r = run(&client, f, &result, &err);

	if (r == 0)
		r = tell(json_pack("{s:s,s:s,s:s}", "type", "issued", "chain", result.chain_pem,
				 "key", result.key_pem),
			&err);
	else
		(void)tell(json_pack("{s:s,s:s,s:s,s:I,s:b}", "type", "problem", "problem",
				   r == -EPROTO ? client.problem.type : "", "detail", err.msg,
				   "retry_after", (json_int_t)client.retry_after_s, "validation",
				   (int)result.is_validation),
			&lost);
	EVP_PKEY_free(client.key);
	acme_client_release(&client);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	return r < 0 ? 1 : 0;
}

/* What the network says is read in here: no more than an order can need. */
static void set_limits(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_MAX, MEMORY_MAX});
#endif
	(void)setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS_MAX, CPU_SECONDS_MAX});
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static int usage(const char *words)
{
	(void)fprintf(stderr, "berth-acme: %s; see berth-acme --help\n", words);
	return 2;
}

static int check_use(const struct flags *f)
{
	struct err err;

	if (!has_prefix(f->directory, "https://"))
		return usage("--directory must be an https address");
	if (ident_check_domain(f->domain, false, &err) < 0)
		return usage(err.msg);
	return !f->account.eab_kid == !f->account.eab_key_file
		       ? -1
		       : usage("--eab-kid and --eab-key-file need each other");
}

int main(int argc, char **argv)
{
	struct flags f = {0};
	const struct option_entry entries[] = {
		{"directory", .text = &f.directory, .value = "URL", .required = true,
			.help = "of the CA"},
		{"account", .text = &f.account.dir, .value = "DIR", .required = true,
			.help = "where the account's key is, or will be"},
		{"domain", .text = &f.domain, .value = "NAME", .required = true,
			.help = "that the certificate is for"},
		{"email", .text = &f.account.email, .value = "ADDRESS",
			.help = "that the CA may write to"},
		{"agree-terms", .flag = &f.account.agrees_terms,
			.help = "the user has agreed to the CA's terms"},
		{"eab-kid", .text = &f.account.eab_kid, .value = "ID",
			.help = "of an external account"},
		{"eab-key-file", .text = &f.account.eab_key_file, .value = "FILE",
			.help = "with its HMAC key, base64url"},
		{"ca-file", .text = &f.ca_file, .value = "FILE",
			.help = "whom to trust when speaking with the CA, instead of the host's list"},
	};
	const struct options options = {"berth-acme order", BERTH_VERSION,
		"Gets one certificate by ACME. It is started by berth-agent.", NULL, entries,
		ARRAY_SIZE(entries)};
	bool has_verb = argc > 1 && streq(argv[1], "order");

	if (argc > 1 && !has_verb && argv[1][0] != '-')
		return usage("the only verb is 'order'");
	int status = options_parse(&options, argc - has_verb, argv + has_verb, NULL);
	if (status < 0)
		status = check_use(&f);
	if (status >= 0)
		return status;
	set_limits();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return usage("libcurl cannot start");
	status = order(&f);
	curl_global_cleanup();
	return status;
}
