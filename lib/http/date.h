/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates in HTTP fields (RFC 9110 §5.6.7): written as IMF-fixdate, read in all three forms. Pure.
 */
#ifndef BERTH_HTTP_DATE_H
#define BERTH_HTTP_DATE_H

#include "lib/base/str.h"

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */

/* Seconds since 1970, clamped to the years 1970 to 9999. */
void http_date_format(int64_t seconds, char to[HTTP_DATE_SIZE]);

/* IMF-fixdate, RFC 850 or asctime form; the whole string. The name of the day is not checked
 * against the date. A two-digit year that would be more than 50 years after `now` is in the past.
 * 0, or -EINVAL. */
int http_date_parse(struct str text, int64_t now, int64_t *ret_seconds);

#endif
