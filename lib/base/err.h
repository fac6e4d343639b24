/* SPDX-License-Identifier: Apache-2.0
 *
 * struct err: an error with words for a person. Functions that can fail return 0 or -errno; those
 * whose failure a person may read also fill a struct err, by value, owned by the caller.
 *
 * Words are lower case, without a full stop, and name the thing and the fix. A layer on the way up
 * may prefix its context with err_wrap(). Nobody logs an error but the edge that ends its journey.
 */
#ifndef BERTH_BASE_ERR_H
#define BERTH_BASE_ERR_H

#include <stdarg.h>

#include "lib/base/base.h"

#define ERR_MSG_MAX 512

struct err {
	int code; /* positive errno, 0 when nothing went wrong */
	char msg[ERR_MSG_MAX];
};

/* Fills err (may be NULL) and returns -code, so that callers write `return err_set(err, EINVAL, ...)`. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* err_set() with ": " and the text of errno value `code` behind the words. */
int err_errno(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the words; returns -err->code. A NULL err returns -EIO. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The static analyzer does not look into err.c: it is told here that none of them returns 0. */
#ifdef __clang_analyzer__
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_errno(...) ((void)err_errno(__VA_ARGS__), -1)
#define err_wrap(...) ((void)err_wrap(__VA_ARGS__), -1)
#endif

#endif
