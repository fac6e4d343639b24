/* SPDX-License-Identifier: Apache-2.0
 *
 * berth-git: a short-lived child of berth-agent, so that libgit2 and what strangers push live in a
 * process with limits and without secrets. Reads its arguments and calls one of the jobs.
 *
 * Exit status: 0 done (for `receive`: answered); 1 failed; 2 wrong use, not git's protocol, or a
 * tree that is refused; in each case with one line of words on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/git/checkout.h"
#include "agent/git/commands.h"
#include "agent/git/prune.h"
#include "agent/git/receive.h"
#include "agent/git/refs.h"
#include "agent/git/repo.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"

#define ADVERT_MAX (2u << 20)
#define MEMORY_MAX ((rlim_t)512 << 20)
#define CPU_SECONDS_MAX 600

struct options {
	const char *repo, *commit, *to, *ref;
	struct receive_options receive;
	struct prune_options prune;
	bool sync;
};

struct verb {
	const char *name;
	int (*run)(const struct options *o, struct err *err);
	bool needs_commit, needs_to, needs_ref;
};

static int run_advertise(const struct options *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT(ADVERT_MAX);
	int r = repo_open(o->repo, &repo, err);

	/* An app that has never been pushed to is an empty repository to the client. */
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = refs_advertise(repo, &out, err);
	if (r == 0 && (r = fd_write_all(STDOUT_FILENO, buf_data(&out), buf_len(&out))) < 0)
		(void)err_errno(err, -r, "cannot answer");
	return r;
}

static int run_receive(const struct options *o, struct err *err)
{
	return receive_run(o->repo, &o->receive, err);
}

static int run_checkout(const struct options *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	git_oid id;
	int r = repo_open(o->repo, &repo, err);

	if (r < 0)
		return r;
	(void)git_oid_fromstr(&id, o->commit);
	return checkout_write(repo, &id, o->to, o->sync, NULL, err);
}

static int check_pin_ref(const char *ref, struct err *err)
{
	enum name_ref_kind kind = name_ref_kind(str_from(ref));

	if (kind == NAME_REF_RELEASE || kind == NAME_REF_PUSH)
		return 0;
	return err_set(
		err, EINVAL, "--ref must be refs/berth/releases/<n> or refs/berth/push/<id>");
}

static int run_pin(const struct options *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	int r = check_pin_ref(o->ref, err);

	if (r == 0)
		r = repo_open(o->repo, &repo, err);
	return r == 0 ? refs_set(repo, o->ref, o->commit, err) : r;
}

static int run_unpin(const struct options *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	int r = check_pin_ref(o->ref, err);

	if (r == 0)
		r = repo_open(o->repo, &repo, err);
	if (r == -ENOENT)
		return 0;
	return r == 0 ? refs_remove(repo, o->ref, err) : r;
}

static int run_prune(const struct options *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	struct prune_result result;
	int r = repo_open(o->repo, &repo, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = prune_run(repo, &o->prune, &result, err);
	if (r == 0)
		(void)printf("%u old pushes forgotten, %u packs became %u\n", result.refs_removed,
			result.packs_before, result.packs_after);
	return r;
}

static const struct verb verbs[] = {
	{.name = "advertise", .run = run_advertise},
	{.name = "receive", .run = run_receive},
	{.name = "checkout", .run = run_checkout, .needs_commit = true, .needs_to = true},
	{.name = "pin", .run = run_pin, .needs_commit = true, .needs_ref = true},
	{.name = "unpin", .run = run_unpin, .needs_ref = true},
	{.name = "prune", .run = run_prune},
};

static void print_help(void)
{
	(void)puts(
		"usage: berth-git VERB --repo PATH [options]\n"
		"\n"
		"Serves the git repository of an app. It is started by berth-agent.\n"
		"\n"
		"  advertise                      answer GET info/refs of git-receive-pack\n"
		"  receive [--gzip]               answer POST git-receive-pack: body on stdin\n"
		"          [--control-fd N] [--max-pack-bytes SIZE] [--max-file-bytes SIZE]\n"
		"  checkout --commit ID --to DIR [--sync]\n"
		"                                 write the commit's files into an empty folder\n"
		"  pin --ref REF --commit ID      keep a commit; unpin --ref REF lets it go\n"
		"\n"
		"  --help, --version");
}

PRINTF_LIKE(1, 2) static int usage(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("berth-git: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("; see berth-git --help\n", stderr);
	return 2;
}

enum {
	OPT_REPO = 256,
	OPT_COMMIT,
	OPT_TO,
	OPT_REF,
	OPT_APP,
	OPT_SYNC,
	OPT_GZIP,
	OPT_CONTROL,
	OPT_PACK_MAX,
	OPT_FILE_MAX,
	OPT_DAYS,
	OPT_PACKS,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"repo", required_argument, NULL, OPT_REPO},
	{"commit", required_argument, NULL, OPT_COMMIT},
	{"to", required_argument, NULL, OPT_TO},
	{"ref", required_argument, NULL, OPT_REF},
	{"app", required_argument, NULL, OPT_APP},
	{"sync", no_argument, NULL, OPT_SYNC},
	{"gzip", no_argument, NULL, OPT_GZIP},
	{"control-fd", required_argument, NULL, OPT_CONTROL},
	{"max-pack-bytes", required_argument, NULL, OPT_PACK_MAX},
	{"max-file-bytes", required_argument, NULL, OPT_FILE_MAX},
	{"days", required_argument, NULL, OPT_DAYS},
	{"packs", required_argument, NULL, OPT_PACKS},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* One option: 0, or the exit status of a wrong value. */
static int take_option(struct options *o, int option, const char *value)
{
	unsigned fd = 0;

	switch (option) {
	case OPT_REPO:
		o->repo = value;
		return 0;
	case OPT_COMMIT:
		o->commit = value;
		return ident_is_commit(value) ? 0 : usage("'%s' is not a commit id", value);
	case OPT_TO:
		o->to = value;
		return 0;
	case OPT_REF:
		o->ref = value;
		return 0;
	case OPT_APP: /* in our name in ps(1), for people */
		return 0;
	case OPT_SYNC:
		o->sync = true;
		return 0;
	case OPT_GZIP:
		o->receive.is_gzip = true;
		return 0;
	case OPT_CONTROL:
		if (parse_unsigned(value, 3, 1023, &fd) < 0)
			return usage("'%s' is not a descriptor", value);
		o->receive.control_fd = (int)fd;
		return 0;
	case OPT_PACK_MAX:
		return parse_size(value, &o->receive.limits.pack_bytes_max) == 0
			       ? 0
			       : usage("'%s' is not a size", value);
	case OPT_FILE_MAX:
		return parse_size(value, &o->receive.limits.file_bytes_max) == 0
			       ? 0
			       : usage("'%s' is not a size", value);
	case OPT_DAYS:
		return parse_unsigned(value, 0, 3650, &o->prune.push_days_max) == 0
			       ? 0
			       : usage("'%s' is not a number of days", value);
	case OPT_PACKS:
		return parse_unsigned(value, 1, 1000, &o->prune.packs_max) == 0
			       ? 0
			       : usage("'%s' is not a number of packs", value);
	default:
		return 2; /* unknown_option() has said it */
	}
}

static void unknown_option(const char *given)
{
	const char *names[ARRAY_SIZE(long_options) - 1];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = long_options[i].name;
	const char *near =
		has_prefix(given, "--") ? str_nearest(given + 2, names, ARRAY_SIZE(names)) : NULL;
	(void)fprintf(stderr, "berth-git: %s is unknown, or lacks its value", given);
	if (near)
		(void)fprintf(stderr, "; did you mean --%s?", near);
	(void)fputc('\n', stderr);
}

static int parse_options(struct options *o, int argc, char **argv)
{
	int option, r = 0;

	opterr = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	while (r == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPT_HELP || option == OPT_VERSION) {
			if (option == OPT_HELP)
				print_help();
			else
				(void)puts("berth-git " BERTH_VERSION);
			exit(0); /* NOLINT(concurrency-mt-unsafe) */
		}
		if (option == '?')
			unknown_option(argv[optind - 1]);
		r = take_option(o, option, optarg);
	}
	return r;
}

static int check_use(const struct verb *v, const struct options *o)
{
	if (!o->repo)
		return usage("%s needs --repo", v->name);
	if (v->needs_commit && !o->commit)
		return usage("%s needs --commit", v->name);
	if (v->needs_to && !o->to)
		return usage("%s needs --to", v->name);
	if (v->needs_ref && !o->ref)
		return usage("%s needs --ref", v->name);
	return 0;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (name && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* Whoever starts us may set lower ones; these hold in any case. */
static void set_limits(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

	(void)setrlimit(RLIMIT_AS, &memory);
#endif
	(void)setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS_MAX, CPU_SECONDS_MAX});
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	/* When the host runs out of memory a push goes, and no site. */
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)fd_write_all(fd, "800", 3);
}

int main(int argc, char **argv)
{
	struct options o = {.prune = PRUNE_OPTIONS_DEFAULT,
		.receive = {.control_fd = -1, .limits = PACK_LIMITS_DEFAULT}};
	struct err err = {0};
	int status = parse_options(&o, argc, argv);

	if (status != 0)
		return status;
	const struct verb *verb = find_verb(argv[optind]);
	if (!verb)
		return argv[optind] ? usage("there is no verb '%s'", argv[optind])
				    : usage("a verb is missing");
	status = check_use(verb, &o);
	if (status != 0)
		return status;
	set_limits();
	int r = repo_init_library(&err);
	if (r == 0)
		r = verb->run(&o, &err);
	(void)git_libgit2_shutdown();
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "%s\n", err.msg);
	return r == -EBADMSG || r == -EINVAL ? 2 : 1;
}
