/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors with words. Text that does not fit is cut, never refused.
 */
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>

#undef err_set
#undef err_errno
#undef err_wrap

int err_set(struct err *err, int code, const char *fmt, ...)
{
	must(code > 0);
	if (err) {
		va_list ap;
		char msg[ERR_MSG_MAX]; /* the arguments may point into err itself */

		va_start(ap, fmt);
		(void)vsnprintf(msg, sizeof msg, fmt, ap);
		va_end(ap);
		err->code = code;
		memcpy(err->msg, msg, sizeof msg);
	}
	return -code;
}

int err_errno(struct err *err, int code, const char *fmt, ...)
{
	char words[ERR_MSG_MAX];
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	return err_set(err, code, "%s: %s", words, strerror_r(code, text, sizeof text));
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char context[ERR_MSG_MAX];
	va_list ap;

	if (!err)
		return -EIO;
	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	return err_set(err, err->code ? err->code : EIO, "%s: %s", context, err->msg);
}
