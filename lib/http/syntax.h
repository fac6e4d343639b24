/* SPDX-License-Identifier: Apache-2.0
 *
 * The character classes of HTTP (RFC 9110 §5.6.2, §5.5; RFC 9112 §3), as one table.
 */
#ifndef BERTH_HTTP_SYNTAX_H
#define BERTH_HTTP_SYNTAX_H

#include <stdbool.h>

#include "lib/base/base.h"

enum http_class {
	HTTP_CLASS_TOKEN = 1, /* tchar: methods and field names */
	HTTP_CLASS_VALUE = 2, /* field values: visible, SP, HTAB, obs-text */
	HTTP_CLASS_TARGET = 4, /* request targets: visible without '#', obs-text */
	HTTP_CLASS_HOST = 8, /* names and IPv4 addresses in an authority; '_' is seen in practice */
	HTTP_CLASS_DIGIT = 16,
};

extern const uint8_t http_classes[256];

static inline bool http_is_token_char(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_TOKEN;
}

static inline bool http_is_value_char(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_VALUE;
}

static inline bool http_is_target_char(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_TARGET;
}

static inline bool http_is_host_char(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_HOST;
}

static inline bool http_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#endif
