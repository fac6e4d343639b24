/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a struct manifest, and what is asked of one. Reading is in manifest_read.c.
 */
#include "lib/data/manifest.h"

#include "lib/base/str.h"

bool manifest_is_inner_path(const char *path)
{
	struct str rest = str_from(path), part;

	if (streq(path, "."))
		return true;
	if (*path == '\0' || strlen(path) > 1024 || has_suffix(path, "/"))
		return false;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '\\')
			return false;
	while (str_split(&rest, '/', &part))
		if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return false;
	return true;
}

static void free_pairs(struct manifest_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	free(m->app);
	free(m->release);
	free(m->build.stack);
	free(m->build.command);
	free_pairs(m->build.env, m->build.env_count);
	free_pairs(m->env, m->env_count);
	free_texts(m->domains, m->domain_count);
	free_texts(m->volumes, m->volume_count);
	for (size_t i = 0; i < m->process_count; i++) {
		free(m->processes[i].name);
		free(m->processes[i].command);
		free(m->processes[i].health.path);
	}
	free(m->processes);
	for (size_t i = 0; i < m->static_count; i++) {
		free(m->statics[i].prefix);
		free(m->statics[i].dir);
		free(m->statics[i].fallback);
	}
	free(m->statics);
	free(m);
}

const struct manifest_process *manifest_process(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->process_count; i++)
		if (streq(m->processes[i].name, name))
			return &m->processes[i];
	return NULL;
}
