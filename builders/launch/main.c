/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-launch becomes a process of an app: it reads the release, makes the environment and execs
 * the command. It runs as the app, so it has nothing to give away; it never prints a value.
 */
#include <errno.h>
#include <sys/stat.h>

#include "builders/command.h"
#include "builders/environment.h"
#include "lib/base/ident.h"
#include "lib/base/options.h"
#include "lib/base/parse.h"
#include "lib/data/json.h"
#include "lib/sys/file.h"

#define RELEASE_BYTES_MAX (2u << 20)
#define EXIT_USAGE 2
#define EXIT_CANNOT_EXEC 126

struct launch {
	const char *release_file, *env_file, *app_dir, *volumes_dir;
	const char *process, *index, *listen, *port;
	bool release_command, check;
	/* From the release. */
	json_t *release;
	struct plan *plan;
};

static int check_options(const struct launch *l, struct err *err)
{
	unsigned n;

	if (l->release_command == (l->process != NULL))
		return err_set(err, EINVAL, "give either --process or --release-command");
	if (l->listen && l->port)
		return err_set(err, EINVAL, "give either --listen or --port");
	if (l->process && (!l->index || parse_unsigned(l->index, 1, 10000, &n) < 0))
		return err_set(err, EINVAL, "--process needs an --index of 1 or more");
	if (l->port && parse_unsigned(l->port, 1, 65535, &n) < 0)
		return err_set(err, EINVAL, "--port must be between 1 and 65535");
	if (l->listen && !has_prefix(l->listen, "unix:/"))
		return err_set(err, EINVAL, "--listen must be unix: and an absolute path");
	return 0;
}

static int read_release(struct launch *l, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	int r = file_read(l->release_file, RELEASE_BYTES_MAX, &text, &len, err);
	if (r == 0)
		r = json_parse_object(l->release_file, text, len, &l->release, err);
	if (r < 0)
		return r;
	const json_t *plan = json_object_get(l->release, "plan");
	if (!json_is_object(plan))
		return err_set(err, EINVAL, "%s has no plan", l->release_file);
	_cleanup_free_ char *plan_text = json_line(plan);
	return plan_parse(plan_text, strlen(plan_text), &l->plan, err);
}

static int read_env(const struct launch *l, struct envfile **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	int r = file_read(l->env_file, ENVFILE_BYTES_MAX, &text, &len, err);
	return r < 0 ? r : envfile_parse(l->env_file, text, len, ret, err);
}

/* What DESIGN calls the contract: it wins over whatever the app's environment says. */
static int set_contract(const struct launch *l, struct envfile *e, struct err *err)
{
	const char *app = json_string_value(json_object_get(l->release, "app"));
	const char *commit = json_string_value(json_object_get(l->release, "commit"));
	_cleanup_free_ char *number = xasprintf(
		"%lld", (long long)json_integer_value(json_object_get(l->release, "number")));
	const struct {
		const char *name, *value;
	} all[] = {
		{"BERTH_APP", app ? app : ""},
		{"BERTH_RELEASE", number},
		{"BERTH_COMMIT", commit ? commit : ""},
		{"BERTH_PROCESS", l->process ? l->process : "release"},
		{"BERTH_INDEX", l->index ? l->index : "1"},
		{"BERTH_VOLUMES", l->volumes_dir},
		{"LISTEN", l->listen ? l->listen + 5 : NULL},
		{"PORT", l->port},
		{"HOST", l->port ? "127.0.0.1" : NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].value && envfile_set(e, all[i].name, all[i].value, err) < 0)
			return err_wrap(err, "environment");
	}
	return 0;
}

static int make_environment(const struct launch *l, struct envfile *e, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *own = NULL;

	environment_set_base(e);
	int r = envfile_set(e, "HOME", "/tmp", err);
	for (size_t i = 0; r == 0 && i < l->plan->env_count; i++)
		r = envfile_set(e, l->plan->env[i].name, l->plan->env[i].value, err);
	if (r == 0)
		r = read_env(l, &own, err);
	for (size_t i = 0; r == 0 && i < own->count; i++)
		r = envfile_set(e, own->pairs[i].name, own->pairs[i].value, err);
	if (r == 0)
		r = environment_add_programs(e, l->app_dir, err);
	return r < 0 ? r : set_contract(l, e, err);
}

static int find_command(const struct launch *l, const char **ret, struct err *err)
{
	if (l->release_command) {
		*ret = l->plan->release_command;
		return *ret ? 0 : err_set(err, ENOENT, "the release has no release command");
	}
	const struct plan_process *p = plan_process(l->plan, l->process);
	if (!p)
		return err_set(err, ENOENT, "the release has no process %s", l->process);
	*ret = p->command;
	return 0;
}

/* A socket that a former instance left would make the app's bind(2) fail. Nothing else is removed. */
static void remove_stale_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
}

static int launch(struct launch *l, struct err *err)
{
	_cleanup_(envfile_freep) struct envfile *e = envfile_new();
	const char *command = NULL;

	int r = check_options(l, err);
	if (r == 0)
		r = read_release(l, err);
	if (r == 0)
		r = find_command(l, &command, err);
	if (r == 0)
		r = make_environment(l, e, err);
	if (r < 0 || l->check)
		return r;
	if (l->listen)
		remove_stale_socket(l->listen + 5);
	if (chdir(l->app_dir) < 0)
		return err_errno(err, errno, "cannot enter %s", l->app_dir);
	_cleanup_free_ char *line = command_for_exec(command);
	char **env = environment_array(e);
	char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, line, NULL};
	(void)execve(argv[0], argv, env);
	r = err_errno(err, errno, "cannot start /bin/sh");
	environment_array_free(env);
	return r;
}

int main(int argc, char **argv)
{
	struct launch l = {0};
	struct err err = {0};
	const struct option_entry entries[] = {
		{"release-file", .text = &l.release_file, .value = "FILE", .help = "release.json",
			.required = true},
		{"env-file", .text = &l.env_file, .value = "FILE",
			.help = "the release's environment", .required = true},
		{"app-dir", .text = &l.app_dir, .value = "DIR", .help = "the code",
			.required = true},
		{"volumes-dir", .text = &l.volumes_dir, .value = "DIR",
			.help = "where the app's volumes are", .required = true},
		{"process", .text = &l.process, .value = "NAME",
			.help = "which process of the release"},
		{"index", .text = &l.index, .value = "N",
			.help = "which instance of the process, from 1"},
		{"listen", .text = &l.listen, .value = "unix:PATH", .help = "for it to listen on"},
		{"port", .text = &l.port, .value = "PORT",
			.help = "loopback port for it to listen on"},
		{"release-command", .flag = &l.release_command,
			.help = "run the release command instead of a process"},
		{"check", .flag = &l.check, .letter = 'n',
			.help = "read everything, start nothing"},
	};
	const struct options options = {"berth-launch", BERTH_VERSION,
		"Becomes a process of an app. Started by systemd or berth-supervise.", NULL,
		entries, ARRAY_SIZE(entries)};

	int usage = options_parse(&options, argc, argv, NULL);
	if (usage >= 0)
		return usage;
	int r = launch(&l, &err);
	json_decref(l.release);
	plan_free(l.plan);
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "berth-launch: %s\n", err.msg);
	return r == -EINVAL || r == -ENOENT ? EXIT_USAGE : EXIT_CANNOT_EXEC;
}
