/* SPDX-License-Identifier: Apache-2.0
 *
 * A CA's document, whatever it is. Properties: a refusal has words; addresses that are taken are
 * https ones without anything that could end a line; words are one line.
 */
#include <stdint.h>

#include "agent/acme/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *url)
{
	must(!url || (has_prefix(url, "https://") && !strpbrk(url, " \"\\\r\n\t")));
}

static void check_words(const char *words, size_t size)
{
	must(memchr(words, '\0', size) && !strpbrk(words, "\r\n\t\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct acme_authorization a;
	struct acme_directory d;
	struct acme_problem p;
	struct acme_order o;
	struct err err = {0};

	acme_problem_parse(text, &p);
	check_words(p.type, sizeof p.type);
	check_words(p.detail, sizeof p.detail);
	must(acme_retry_after(text, 1700000000) >= 0);
	if (acme_directory_parse(text, &d, &err) == 0) {
		check_url(d.new_order);
		check_url(d.terms);
		json_decref(d.json);
	} else {
		must(err.msg[0]);
	}
	if (acme_order_parse(text, &o, &err) == 0) {
		for (size_t i = 0; i < o.authorization_count; i++)
			check_url(o.authorizations[i]);
		check_url(o.certificate);
		json_decref(o.json);
	}
	if (acme_authorization_parse(text, &a, &err) == 0) {
		must(!a.url == !a.token);
		check_url(a.url);
		must(!a.token || !strpbrk(a.token, "./ \""));
		json_decref(a.json);
	}
	return 0;
}
