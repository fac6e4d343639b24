/* SPDX-License-Identifier: Apache-2.0
 *
 * The neutral pages that the proxy answers with itself: they say what happened and name no host,
 * app, release or program.
 */
#ifndef BERTH_PROXY_PAGES_H
#define BERTH_PROXY_PAGES_H

#include "lib/base/str.h"

#define PAGE_BYTES_MAX 1024

/* Writes the page for a status into `to` and returns its length. */
size_t page_write(unsigned status, char to[PAGE_BYTES_MAX]);

#endif
