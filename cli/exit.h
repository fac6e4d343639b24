/* SPDX-License-Identifier: Apache-2.0
 *
 * The exit codes of berth(1). Scripts rely on them; the agent's API uses the same numbers.
 */
#ifndef BERTH_CLI_EXIT_H
#define BERTH_CLI_EXIT_H

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the app, or a check, failed */
	CLI_USAGE = 2, /* usage or configuration */
	CLI_BUG = 3,
	CLI_NOT_ALLOWED = 4,
	CLI_NOT_FOUND = 5,
	CLI_UNREACHABLE = 6, /* the agent does not answer */
	CLI_CONFLICT = 7, /* locked or superseded */
	CLI_BUILD_FAILED = 8,
	CLI_RELEASE_FAILED = 9, /* the release command */
	CLI_UNHEALTHY = 10, /* the old release is still live */
	CLI_TIMEOUT = 124,
	CLI_INTERRUPTED = 130,
};

#endif
