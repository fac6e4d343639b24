/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and addresses that both runtimes share.
 */
#include "agent/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/parse.h"

void instance_name(const struct instance_id *id, char to[INSTANCE_NAME_MAX])
{
	(void)snprintf(
		to, INSTANCE_NAME_MAX, "%s.%u.%s.%u", id->app, id->release, id->process, id->index);
}

int instance_parse(const char *name, struct instance_id *ret)
{
	struct str rest = str_from(name), part[4];
	struct instance_id id = {0};
	uint64_t release, index;

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		if (!str_split(&rest, '.', &part[i]))
			return -EINVAL;
	if (rest.len > 0 || str_copy(id.app, sizeof id.app, part[0]) < 0 ||
		str_copy(id.process, sizeof id.process, part[2]) < 0 ||
		parse_u64(part[1], 1, UINT32_MAX, &release) < 0 ||
		parse_u64(part[3], 1, UINT32_MAX, &index) < 0)
		return -EINVAL;
	if (ident_check_app(id.app, NULL) < 0 || ident_check_process(id.process, NULL) < 0)
		return -EINVAL;
	id.release = (unsigned)release;
	id.index = (unsigned)index;
	/* One spelling for each instance: no leading zeros, no trailing dot. */
	char again[INSTANCE_NAME_MAX];
	instance_name(&id, again);
	if (!streq(again, name))
		return -EINVAL;
	*ret = id;
	return 0;
}

void runtime_address(const struct runtime_paths *paths, const struct instance_spec *spec,
	char to[RUNTIME_ADDRESS_MAX])
{
	char name[INSTANCE_NAME_MAX];

	if (spec->port > 0) {
		(void)snprintf(to, RUNTIME_ADDRESS_MAX, "tcp:127.0.0.1:%u", spec->port);
		return;
	}
	instance_name(&spec->id, name);
	(void)snprintf(to, RUNTIME_ADDRESS_MAX, "unix:%s/apps/%s/app.sock", paths->run, name);
}
