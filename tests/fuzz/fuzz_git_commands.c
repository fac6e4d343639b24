/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes pkt-lines and the commands of a push.
 */
#include "agent/git/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct commands c;
	struct err err;
	size_t used = 0;

	commands_init(&c);
	if (commands_feed(&c, (struct str){(const char *)data, size}, &used, &err) == 0)
		commands_check(&c);
	must(used <= size && c.count <= COMMANDS_MAX);
	return 0;
}
