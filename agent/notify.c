/* SPDX-License-Identifier: Apache-2.0
 *
 * sd_notify's protocol.
 */
#include "agent/notify.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/str.h"

void notify_manager(const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): main thread */

	if (!path || (path[0] != '/' && path[0] != '@') ||
		str_copy(to.sun_path, sizeof to.sun_path, str_from(path)) < 0)
		return;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, len);
}
