/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing loopback ports.
 */
#include "agent/deploy/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

void ports_init(struct ports *p, unsigned min, unsigned max)
{
	must(min > 0 && min <= max && max <= 65535);
	unsigned start = 0;
	/* Two agents on one host must not go through the range side by side: between our look at a port
	 * and the app's bind(2) the other one's app could take it. */
	if (getrandom(&start, sizeof start, GRND_NONBLOCK) < 0)
		start = (unsigned)getpid();
	*p = (struct ports){.min = min, .max = max, .next = min + start % (max - min + 1)};
}

/* SO_REUSEADDR lets us pass over connections in TIME_WAIT, not over a listener: bind(2) still fails
 * for one, on this address or on all. */
bool port_is_free(unsigned port)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	const int on = 1;

	if (fd < 0)
		return false;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

int ports_pick(struct ports *p, bool (*is_taken)(void *data, unsigned port), void *data,
	unsigned *ret, struct err *err)
{
	for (unsigned tried = 0; tried <= p->max - p->min; tried++) {
		unsigned port = p->next;
		p->next = port < p->max ? port + 1 : p->min;
		if (is_taken(data, port) || !port_is_free(port))
			continue;
		*ret = port;
		return 0;
	}
	return err_set(err, EADDRNOTAVAIL,
		"no loopback port from %u to %u is free; stop what listens there", p->min, p->max);
}
