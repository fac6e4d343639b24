/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-build: detect, write the plan, execute it. Runs inside the build sandbox, as a user that
 * may do nothing else; what it says on stdout is for the agent (builders/output.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "builders/builder.h"
#include "builders/cache.h"
#include "builders/check.h"
#include "builders/environment.h"
#include "builders/execute.h"
#include "builders/output.h"
#include "lib/base/options.h"
#include "lib/sys/file.h"

enum exit_status { DONE = 0, STEP_FAILED = 1, SOURCE_WRONG = 2, BUG = 3 };

struct build {
	const char *app_dir, *plan_out, *cache_dir, *env_file;
	bool plan_only;
	struct source source;
	struct plan *plan;
	struct envfile *given; /* the app's build environment: secrets */
};

/* Steps run with the app's folder as working directory, so all paths become absolute. */
static int absolute(const char **path, char **owner, struct err *err)
{
	if (!*path || **path == '/')
		return 0;
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_errno(err, errno, "getcwd");
	*path = *owner = xasprintf("%s/%s", cwd, *path);
	return 0;
}

static int read_given(struct build *b, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (!b->env_file)
		return 0;
	int r = file_read(b->env_file, ENVFILE_BYTES_MAX, &text, &len, err);
	if (r == 0)
		r = envfile_parse(b->env_file, text, len, &b->given, err);
	return r;
}

static int write_plan(const struct build *b, struct err *err)
{
	_cleanup_free_ char *text = plan_format(b->plan);
	return file_replace(b->plan_out, text, strlen(text), 0644, err);
}

static int execute(const struct build *b, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *env = envfile_new();
	const struct execution x = {b->app_dir, b->cache_dir, env, b->given, STDOUT_FILENO};

	int r = file_make_dirs(b->cache_dir, 0700, err);
	if (r == 0)
		r = environment_of_build(env, b->plan, b->cache_dir, b->given, err);
	if (r == 0)
		r = environment_add_programs(env, b->app_dir, err);
	return r < 0 ? r : execute_steps(&x, b->plan, err);
}

static enum exit_status fail(enum exit_status status, const struct err *err)
{
	output_error(STDOUT_FILENO, err->msg);
	return status;
}

static enum exit_status build(struct build *b)
{
	struct err err = {0};

	if (read_given(b, &err) < 0 || source_open(b->app_dir, &b->source, &err) < 0)
		return fail(BUG, &err);
	if (detect_plan(&b->source, &toolchain_of_host, &b->plan, &err) < 0)
		return fail(SOURCE_WRONG, &err);
	output_reasons(STDOUT_FILENO, b->plan);
	if (write_plan(b, &err) < 0)
		return fail(BUG, &err);
	if (b->plan_only)
		return DONE;
	int r = execute(b, &err);
	(void)cache_trim(b->cache_dir, CACHE_BYTES_MAX);
	if (r < 0)
		return fail(r == -ECHILD || r == -EINTR ? STEP_FAILED : BUG, &err);
	if (check_built(b->plan, &b->source, b->app_dir, &err) < 0)
		return fail(SOURCE_WRONG, &err);
	return DONE;
}

int main(int argc, char **argv)
{
	struct build b = {.source = {-1}};
	char *owned[3] = {0};
	struct err err;
	const struct option_entry entries[] = {
		{"app-dir", .text = &b.app_dir, .value = "DIR",
			.help = "the source, built in place", .required = true},
		{"plan-out", .text = &b.plan_out, .value = "FILE", .help = "where the plan goes",
			.required = true},
		{"cache-dir", .text = &b.cache_dir, .value = "DIR",
			.help = "caches that later builds find again", .required = true},
		{"env-file", .text = &b.env_file, .value = "FILE",
			.help = "the environment of the steps"},
		{"plan-only", .flag = &b.plan_only,
			.help = "detect and write the plan, run nothing"},
	};
	const struct options options = {"berth-build", BERTH_VERSION,
		"Finds out how an app is built, says so, and builds it. Started by berth-agent.",
		NULL, entries, ARRAY_SIZE(entries)};

	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	/* The release must be readable by the app's user and by the proxy. */
	(void)umask(022);
	if (absolute(&b.app_dir, &owned[0], &err) < 0 ||
		absolute(&b.plan_out, &owned[1], &err) < 0 ||
		absolute(&b.cache_dir, &owned[2], &err) < 0)
		return fail(BUG, &err);
	enum exit_status status = build(&b);
	source_close(&b.source);
	plan_free(b.plan);
	envfile_free(b.given);
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	return status;
}
