/* SPDX-License-Identifier: Apache-2.0
 *
 * Neutral pages.
 */
#include "proxy/pages.h"

#include <stdio.h>

#include "lib/http/writer.h"

struct words {
	unsigned status;
	const char *text;
};

static const struct words words[] = {
	{400, "The request could not be understood."},
	{404, "There is nothing at this address."},
	{405, "This method is not allowed here."},
	{408, "The request took too long to arrive."},
	{413, "The request is larger than this site accepts."},
	{414, "The address is too long."},
	{421, "This host is not served here."},
	{431, "The request's header is too large."},
	{502, "The site did not answer in a way that could be passed on. Try again in a moment."},
	{503, "The site is not available right now. Try again in a moment."},
	{504, "The site took too long to answer."},
};

static const char *words_for(unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].status == status)
			return words[i].text;
	return "";
}

size_t page_write(unsigned status, char to[PAGE_BYTES_MAX])
{
	const char *reason = http_reason(status);
	int n = snprintf(to, PAGE_BYTES_MAX,
		"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<title>%u %s</title>\n"
		"<style>body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:30em;"
		"padding:0 1em}</style>\n"
		"<h1>%s</h1>\n<p>%s</p>\n",
		status, reason, reason, words_for(status));
	must(n > 0 && n < PAGE_BYTES_MAX);
	return (size_t)n;
}
