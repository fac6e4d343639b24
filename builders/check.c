/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of a finished build.
 */
#include "builders/check.h"

#include <errno.h>

#include "builders/command.h"
#include "builders/environment.h"
#include "builders/toolchain.h"

/* What to write where, for a program that is missing. */
static const char *advice(const struct plan *p, const char *program)
{
	if (streq(p->stack, "python"))
		return "add its package to requirements.txt";
	if (streq(p->stack, "node"))
		return "add its package to the dependencies in package.json";
	if (streq(p->stack, "go"))
		return "see which programs the build wrote to bin/";
	if (streq(program, "python"))
		return "write python3, or add a requirements.txt, which makes it a Python app";
	return "check the name, and that the file may be executed";
}

static int check_program(const struct plan *p, const char *name, const char *command,
	const char *app_dir, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *e = envfile_new();
	_cleanup_free_ char *program = command_program(command);

	if (!program)
		return 0;
	environment_set_base(e);
	int r = environment_add_programs(e, app_dir, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = toolchain_find(envfile_get(e, "PATH"), app_dir, program);
	if (path)
		return 0;
	return err_set(err, EINVAL, "%s starts \"%s\", which is not installed: %s", name, program,
		advice(p, program));
}

static int check_statics(const struct plan *p, const struct source *s, struct err *err)
{
	for (size_t i = 0; i < p->static_count; i++) {
		const struct plan_static *st = &p->statics[i];
		if (!source_has_dir(s, st->dir))
			return err_set(err, EINVAL,
				"the folder %s, to be served at %s, does not exist after the build",
				st->dir, st->prefix);
		_cleanup_free_ char *fallback =
			xasprintf("%s/%s", st->dir, st->fallback ? st->fallback : "");
		if (st->fallback && !source_has_file(s, fallback))
			return err_set(err, EINVAL,
				"the fallback %s does not exist after the build", fallback);
	}
	return 0;
}

int check_built(const struct plan *p, const struct source *s, const char *app_dir, struct err *err)
{
	for (size_t i = 0; i < p->process_count; i++) {
		int r = check_program(
			p, p->processes[i].name, p->processes[i].command, app_dir, err);
		if (r < 0)
			return r;
	}
	if (p->release_command) {
		int r = check_program(p, "the release command", p->release_command, app_dir, err);
		if (r < 0)
			return r;
	}
	return check_statics(p, s, err);
}
