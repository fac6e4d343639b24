/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest web server that is one: tests compile it with -DVERSION='"1"' and deploy the program
 * alone. One connection at a time, one request a connection.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "1"
#endif

static void answer(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				   "Connection: close\r\n\r\n" VERSION "\n";
	char request[4096];
	size_t have = 0;

	while (have < sizeof request - 1) {
		ssize_t n = read(fd, request + have, sizeof request - 1 - have);
		if (n <= 0)
			return;
		have += (size_t)n;
		request[have] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	if (write(fd, text, sizeof text - 1) < 0)
		perror("write");
}

int main(void)
{
	const char *port = getenv("PORT");
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)(port ? strtoul(port, NULL, 10) : 8000)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
		listen(listener, 64) < 0) {
		perror("cannot listen");
		return 1;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		answer(fd);
		(void)close(fd);
	}
}
