/* SPDX-License-Identifier: Apache-2.0
 *
 * "Copy one file, run it": exactly one program in the root, compiled or a script, possibly beside
 * the files that it reads. Two builders: a compiled file goes before static sites, a script after.
 */
#include <elf.h>
#include <errno.h>

#include "builders/builder.h"
#include "builders/plan.h"
#include "lib/base/str.h"

enum file_kind { KIND_DATA, KIND_ELF, KIND_SCRIPT, KIND_FOREIGN };

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#define HOST_WORDS "x86-64"
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#define HOST_WORDS "arm64"
#else
#define HOST_MACHINE EM_NONE
#define HOST_WORDS "this machine's kind"
#endif

struct candidate {
	char *name;
	enum file_kind kind;
	unsigned machine; /* of an ELF file */
	const char *foreign; /* words for KIND_FOREIGN */
};

static bool is_elf_program(const unsigned char *head, size_t n, unsigned *ret_machine)
{
	uint16_t type, machine;

	if (n < 20 || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(&type, head + 16, sizeof type);
	memcpy(&machine, head + 18, sizeof machine);
	*ret_machine = machine;
	/* A position-independent program is an ET_DYN, as is a shared library: the name decides. */
	return type == ET_EXEC || type == ET_DYN;
}

static const char *foreign_words(const unsigned char *head, size_t n)
{
	static const unsigned char mach[][4] = {
		{0xcf, 0xfa, 0xed, 0xfe}, {0xce, 0xfa, 0xed, 0xfe}, {0xca, 0xfe, 0xba, 0xbe}};

	for (size_t i = 0; i < ARRAY_SIZE(mach) && n >= 4; i++)
		if (memcmp(head, mach[i], 4) == 0)
			return "macOS";
	if (n >= 2 && memcmp(head, "MZ", 2) == 0)
		return "Windows";
	return NULL;
}

static bool is_library(const char *name)
{
	return has_suffix(name, ".so") || strstr(name, ".so.") || has_suffix(name, ".node") ||
	       has_suffix(name, ".o") || has_suffix(name, ".a");
}

static enum file_kind look_at(const struct source *s, const char *name, struct candidate *c)
{
	unsigned char head[64];
	int mode = source_mode(s, name);

	if (mode < 0 || name[0] == '.' || is_library(name))
		return KIND_DATA;
	ssize_t n = source_peek(s, name, head, sizeof head);
	if (n < 2)
		return KIND_DATA;
	/* git on some systems loses the permission: a compiled program is one without it too. */
	if (is_elf_program(head, (size_t)n, &c->machine))
		return KIND_ELF;
	c->foreign = foreign_words(head, (size_t)n);
	if (c->foreign && (mode & 0111))
		return KIND_FOREIGN;
	return memcmp(head, "#!", 2) == 0 && (mode & 0111) ? KIND_SCRIPT : KIND_DATA;
}

/* How many files of a kind the root has; the first of them in *ret. */
static size_t find(const struct source *s, enum file_kind kind, struct candidate *ret)
{
	_cleanup_names_ struct source_names names = {0};
	size_t count = 0;

	*ret = (struct candidate){0};
	source_list(s, ".", &names);
	for (size_t i = 0; i < names.count; i++) {
		struct candidate c = {0};
		c.kind = look_at(s, names.names[i], &c);
		if (c.kind != kind || count++ > 0)
			continue;
		*ret = c;
		ret->name = xstrdup(names.names[i]);
	}
	return count;
}

static const char *detect_elf(const struct detection *d)
{
	struct candidate c;
	size_t count = find(d->source, KIND_ELF, &c);

	free(c.name);
	if (count == 1)
		return "one compiled program in the root";
	if (count > 1)
		return "several compiled programs in the root";
	count = find(d->source, KIND_FOREIGN, &c);
	free(c.name);
	return count > 0 && !static_folder(d->source) ? "a program in the root" : NULL;
}

static const char *detect_script(const struct detection *d)
{
	struct candidate c;
	size_t count = find(d->source, KIND_SCRIPT, &c);

	free(c.name);
	return count == 1 ? "one executable script in the root" : NULL;
}

/* The name goes into a shell line. */
static char *quoted_command(const char *name)
{
	size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._+-@,");
	if (name[plain] == '\0')
		return xasprintf("./%s", name);
	return strchr(name, '\'') ? NULL : xasprintf("'./%s'", name);
}

static int plan_program(const struct detection *d, const struct candidate *c, struct err *err)
{
	must(c->name); /* find() counted one */
	_cleanup_free_ char *command = quoted_command(c->name);

	if (!command)
		return err_set(err, EINVAL, "the program's name has a quote: rename it");
	if (d->manifest->build.command)
		plan_add_step(d->plan, "build", d->manifest->build.command);
	if (!(source_mode(d->source, c->name) & 0111)) {
		_cleanup_free_ char *chmod = xasprintf("chmod +x %s", command);
		plan_add_step(d->plan, "make executable", chmod);
	}
	if (detection_has_command(d, "web"))
		return 0;
	plan_set_command(plan_add_process(d->plan, "web"), command);
	plan_add_reason(d->plan, "web: %s, listening on $PORT", command);
	return 0;
}

static int plan_elf(const struct detection *d, struct err *err)
{
	struct candidate c;
	size_t count = find(d->source, KIND_ELF, &c);
	_cleanup_free_ char *name = c.name;

	if (count == 0)
		count = find(d->source, KIND_FOREIGN, &c);
	if (!name)
		name = c.name;
	if (count == 0)
		return err_set(err, EINVAL,
			"no program in the root: build.stack executable needs one compiled file, or "
			"one executable script");
	if (c.kind == KIND_FOREIGN)
		return err_set(err, EINVAL,
			"%s is a %s program: compile it for Linux (for Go: GOOS=linux go build)",
			name, c.foreign);
	if (count > 1 && !detection_has_command(d, "web"))
		return err_set(err, EINVAL,
			"%zu programs in the root: say which one runs in a Procfile, such as web: ./%s",
			count, name);
	if (count == 1 && HOST_MACHINE != EM_NONE && c.machine != HOST_MACHINE)
		return err_set(err, EINVAL,
			"%s is compiled for another kind of processor: this host is " HOST_WORDS,
			name);
	return plan_program(d, &c, err);
}

static int plan_script(const struct detection *d, struct err *err)
{
	struct candidate c;

	if (find(d->source, KIND_SCRIPT, &c) == 0)
		return err_set(err, EINVAL, "no executable script in the root");
	int r = plan_program(d, &c, err);
	free(c.name);
	return r;
}

const struct builder builder_executable = {"executable", detect_elf, plan_elf};
const struct builder builder_script = {"executable", detect_script, plan_script};
