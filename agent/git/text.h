/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of strangers made fit for a terminal and a log. Pure.
 */
#ifndef BERTH_AGENT_GIT_TEXT_H
#define BERTH_AGENT_GIT_TEXT_H

#include "lib/base/str.h"

/* The code point at the start of p (RFC 3629) and its length; 0 when it is not well-formed. */
size_t text_decode_utf8(const char *p, size_t len, uint32_t *ret);

/* Code points that do not show: HFS+ ignores them in names. */
bool text_is_ignorable(uint32_t c);

/* Copies into `to`, with its NUL, without terminal escape sequences; a tab becomes a space, other
 * control characters, invisible ones and invalid UTF-8 become '?'. What does not fit is cut and
 * ends in "...". Returns the length. `size` must be at least 8. */
size_t text_clean(struct str text, char *to, size_t size);

#endif
