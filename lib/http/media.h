/* SPDX-License-Identifier: Apache-2.0
 *
 * Media types by file name extension, as the web platform expects them. Pure.
 */
#ifndef BERTH_HTTP_MEDIA_H
#define BERTH_HTTP_MEDIA_H

#include "lib/base/str.h"

struct media {
	const char *extension; /* lower case, without the dot */
	const char *type; /* with charset=utf-8 where text has no other way to say so */
	bool compressible;
};

/* By the extension of the last segment of a path, without case; NULL when there is none that we
 * know. Files of unknown kind are MEDIA_DEFAULT. */
const struct media *media_of(struct str path);

#define MEDIA_DEFAULT "application/octet-stream"
#define MEDIA_HTML "text/html; charset=utf-8"

#endif
