/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals to a pipe. The state is global because signal handlers are.
 */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "cli/exit.h"
#include "lib/base/base.h"

#define PATIENCE 3

static int ends[2] = {-1, -1};
static volatile sig_atomic_t count;

static void on_signal(int signal)
{
	int saved = errno;
	(void)signal;
	count = count + 1;
	if (count >= PATIENCE)
		_exit(CLI_INTERRUPTED);
	if (write(ends[1], "", 1) < 0)
		_exit(CLI_INTERRUPTED); /* two bytes always fit */
	errno = saved;
}

int interrupt_open(void)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	if (ends[0] >= 0)
		return ends[0];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	(void)sigemptyset(&a.sa_mask);
	must(sigaction(SIGINT, &a, NULL) == 0 && sigaction(SIGTERM, &a, NULL) == 0);
	return ends[0];
}

unsigned interrupt_count(void)
{
	char drained[16];
	while (ends[0] >= 0 && read(ends[0], drained, sizeof drained) > 0)
		continue;
	return (unsigned)count;
}
