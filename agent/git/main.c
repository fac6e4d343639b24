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
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/git/checkout.h"
#include "agent/git/commands.h"
#include "agent/git/prune.h"
#include "agent/git/receive.h"
#include "agent/git/refs.h"
#include "agent/git/repo.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"

#define ADVERT_MAX (2u << 20)
#define MEMORY_MAX ((rlim_t)512 << 20)
#define CPU_SECONDS_MAX 600

struct options_read {
	const char *repo, *app, *commit, *to, *ref;
	struct receive_options receive;
	struct prune_options prune;
	uint64_t control_fd, days, packs;
	bool sync;
};

struct verb {
	const char *name;
	int (*run)(const struct options_read *o, struct err *err);
	bool needs_commit, needs_to, needs_ref;
};

static int run_advertise(const struct options_read *o, struct err *err)
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

static int run_receive(const struct options_read *o, struct err *err)
{
	return receive_run(o->repo, &o->receive, err);
}

static int run_checkout(const struct options_read *o, struct err *err)
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

static int run_pin(const struct options_read *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	int r = check_pin_ref(o->ref, err);

	if (r == 0)
		r = repo_open(o->repo, &repo, err);
	return r == 0 ? refs_set(repo, o->ref, o->commit, err) : r;
}

static int run_unpin(const struct options_read *o, struct err *err)
{
	_cleanup_repository_ git_repository *repo = NULL;
	int r = check_pin_ref(o->ref, err);

	if (r == 0)
		r = repo_open(o->repo, &repo, err);
	if (r == -ENOENT)
		return 0;
	return r == 0 ? refs_remove(repo, o->ref, err) : r;
}

static int run_prune(const struct options_read *o, struct err *err)
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

static const char about[] =
	"Serves the git repository of an app. Started by berth-agent. The verbs:\n"
	"\n"
	"  advertise   answer GET info/refs of git-receive-pack\n"
	"  receive     answer POST git-receive-pack, its body on stdin\n"
	"  checkout    write the files of --commit into the empty folder --to\n"
	"  pin         keep --commit as --ref; unpin lets it go\n"
	"  prune       forget old pushes, make one pack of many";

/* -1: go on, with the verb's index; else the exit status. */
static int parse_options(struct options_read *o, int argc, char **argv, int *ret_operand)
{
	const struct option_entry entries[] = {
		{"repo", .text = &o->repo, .value = "PATH", .help = "the bare repository"},
		{"app", .text = &o->app, .value = "APP", .help = "named in ps(1), for people"},
		{"gzip", .flag = &o->receive.is_gzip, .help = "receive: the body is compressed"},
		{"control-fd", .number = &o->control_fd, .min = 3, .max = 1023,
			.help = "receive: where the agent is told of pushes"},
		{"max-pack-bytes", .size = &o->receive.limits.pack_bytes_max,
			.help = "receive: of a push"},
		{"max-file-bytes", .size = &o->receive.limits.file_bytes_max,
			.help = "receive: of one file"},
		{"commit", .text = &o->commit, .value = "ID", .help = "checkout, pin"},
		{"to", .text = &o->to, .value = "DIR", .help = "checkout"},
		{"sync", .flag = &o->sync, .help = "checkout: on disk before it ends"},
		{"ref", .text = &o->ref, .value = "REF", .help = "pin, unpin"},
		{"days", .number = &o->days, .max = 3650, .help = "prune: age of old pushes"},
		{"packs", .number = &o->packs, .min = 1, .max = 1000,
			.help = "prune: more than these become one"},
	};
	const struct options options = {
		"berth-git", BERTH_VERSION, about, "VERB", entries, ARRAY_SIZE(entries)};
	return options_parse(&options, argc, argv, ret_operand);
}

static int check_use(const struct verb *v, const struct options_read *o)
{
	if (!o->repo)
		return usage("%s needs --repo", v->name);
	if (o->commit && !ident_is_commit(o->commit))
		return usage("'%s' is not a commit id", o->commit);
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
	struct options_read o = {.prune = PRUNE_OPTIONS_DEFAULT,
		.receive = {.control_fd = -1, .limits = PACK_LIMITS_DEFAULT}};
	struct err err = {0};
	int at, end;

	/* Options may stand before and behind the verb. */
	o.days = o.prune.push_days_max;
	o.packs = o.prune.packs_max;
	int status = parse_options(&o, argc, argv, &at);
	if (status >= 0)
		return status;
	const struct verb *verb = at < argc ? find_verb(argv[at]) : NULL;
	if (!verb)
		return at < argc ? usage("there is no verb '%s'", argv[at])
				 : usage("a verb is missing");
	status = parse_options(&o, argc - at, argv + at, &end);
	if (status >= 0)
		return status;
	if (end < argc - at)
		return usage("'%s' is one argument too many", argv[at + end]);
	o.receive.control_fd = o.control_fd > 0 ? (int)o.control_fd : -1;
	o.prune.push_days_max = (unsigned)o.days;
	o.prune.packs_max = (unsigned)o.packs;
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
