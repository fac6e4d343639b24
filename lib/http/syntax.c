/* SPDX-License-Identifier: Apache-2.0
 *
 * The table behind lib/http/syntax.h. Ranges are in the order of the bytes; what is not named is
 * in no class: control characters, DEL.
 */
#include "lib/http/syntax.h"

#define T HTTP_CLASS_TOKEN
#define V HTTP_CLASS_VALUE
#define R HTTP_CLASS_TARGET
#define H HTTP_CLASS_HOST
#define D HTTP_CLASS_DIGIT

const uint8_t http_classes[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = T | V | R,
	['"'] = V | R,
	['#'] = T | V,
	['$' ... '\''] = T | V | R,
	['(' ... ')'] = V | R,
	['*' ... '+'] = T | V | R,
	[','] = V | R,
	['-' ... '.'] = T | V | R | H,
	['/'] = V | R,
	['0' ... '9'] = T | V | R | H | D,
	[':' ... '@'] = V | R,
	['A' ... 'Z'] = T | V | R | H,
	['[' ... ']'] = V | R,
	['^'] = T | V | R,
	['_'] = T | V | R | H,
	['`'] = T | V | R,
	['a' ... 'z'] = T | V | R | H,
	['{'] = V | R,
	['|'] = T | V | R,
	['}'] = V | R,
	['~'] = T | V | R,
	[0x80 ... 0xff] = V | R,
};
