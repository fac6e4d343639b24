/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees of which only the Procfile (or berth.yaml's processes) says what runs: no language rules,
 * no steps but the author's own build command.
 */
#include <errno.h>

#include "builders/builder.h"

static bool manifest_has_commands(const struct detection *d)
{
	for (size_t i = 0; i < d->manifest->process_count; i++)
		if (d->manifest->processes[i].command)
			return true;
	return false;
}

static bool procfile_has_processes(const struct detection *d)
{
	return d->procfile->count > (procfile_command(d->procfile, "release") ? 1u : 0u);
}

static const char *detect(const struct detection *d)
{
	if (procfile_has_processes(d))
		return "Procfile, and no file of a language that is known";
	return manifest_has_commands(d) ? "berth.yaml names the processes" : NULL;
}

static int plan(const struct detection *d, struct err *err)
{
	if (!procfile_has_processes(d) && !manifest_has_commands(d))
		return err_set(err, EINVAL,
			"build.stack procfile needs a Procfile with a line such as web: COMMAND");
	if (d->manifest->build.command)
		plan_add_step(d->plan, "build", d->manifest->build.command);
	return 0;
}

const struct builder builder_procfile = {"procfile", detect, plan};
