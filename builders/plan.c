/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and freeing plans. The JSON form is in plan_json.c.
 */
#include "builders/plan.h"

#include <stdarg.h>

#include "lib/base/str.h"

struct plan *plan_new(void)
{
	return xnew(struct plan);
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static void free_pairs(struct plan_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->app);
	free(p->stack);
	free(p->framework);
	free(p->release_command);
	free_texts(p->reasons, p->reason_count);
	free_texts(p->caches, p->cache_count);
	free_texts(p->domains, p->domain_count);
	free_texts(p->volumes, p->volume_count);
	free_pairs(p->build_env, p->build_env_count);
	free_pairs(p->env, p->env_count);
	for (size_t i = 0; i < p->step_count; i++) {
		free(p->steps[i].name);
		free(p->steps[i].command);
		free(p->steps[i].result);
		free(p->steps[i].key);
	}
	free(p->steps);
	for (size_t i = 0; i < p->process_count; i++) {
		free(p->processes[i].name);
		free(p->processes[i].command);
		free(p->processes[i].health.path);
	}
	free(p->processes);
	while (p->static_count > 0)
		plan_drop_static(p, p->static_count - 1);
	free(p->statics);
	free(p);
}

/* One more element of `size` bytes at the end; returns it zeroed. */
static void *grow(void *list, size_t *count, size_t size, size_t max)
{
	void **base = list;

	must(*count < max);
	*base = xrealloc(*base, *count + 1, size);
	void *element = (char *)*base + *count * size;
	memset(element, 0, size);
	(*count)++;
	return element;
}

void plan_add_reason(struct plan *p, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (p->reason_count == PLAN_REASONS_MAX)
		return; /* words only: the plan is as good without the last of them */
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	char **reason = grow(&p->reasons, &p->reason_count, sizeof *p->reasons, PLAN_REASONS_MAX);
	*reason = xstrdup(text);
}

void plan_add_step(struct plan *p, const char *name, const char *command)
{
	struct plan_step *step = grow(&p->steps, &p->step_count, sizeof *p->steps, PLAN_STEPS_MAX);
	*step = (struct plan_step){.name = xstrdup(name), .command = xstrdup(command)};
}

void plan_keep_result(struct plan *p, const char *result, const char *key)
{
	must(p->step_count > 0);
	struct plan_step *step = &p->steps[p->step_count - 1];
	step->result = xstrdup(result);
	step->key = xstrdup(key);
}

static void add_text(char ***texts, size_t *count, const char *text)
{
	char **entry = grow(texts, count, sizeof **texts, PLAN_LIST_MAX);
	*entry = xstrdup(text);
}

void plan_add_cache(struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->cache_count; i++)
		if (streq(p->caches[i], name))
			return;
	add_text(&p->caches, &p->cache_count, name);
}

void plan_add_domain(struct plan *p, const char *domain)
{
	add_text(&p->domains, &p->domain_count, domain);
}

void plan_add_volume(struct plan *p, const char *volume)
{
	add_text(&p->volumes, &p->volume_count, volume);
}

static void set_pair(struct plan_pair **pairs, size_t *count, const char *name, const char *value)
{
	for (size_t i = 0; i < *count; i++)
		if (streq((*pairs)[i].name, name)) {
			free((*pairs)[i].value);
			(*pairs)[i].value = xstrdup(value);
			return;
		}
	struct plan_pair *pair = grow(pairs, count, sizeof **pairs, PLAN_ENV_MAX);
	*pair = (struct plan_pair){xstrdup(name), xstrdup(value)};
}

void plan_set_build_env(struct plan *p, const char *name, const char *value)
{
	set_pair(&p->build_env, &p->build_env_count, name, value);
}

void plan_set_env(struct plan *p, const char *name, const char *value)
{
	set_pair(&p->env, &p->env_count, name, value);
}

struct plan_process *plan_process(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->process_count; i++)
		if (streq(p->processes[i].name, name))
			return &p->processes[i];
	return NULL;
}

struct plan_process *plan_add_process(struct plan *p, const char *name)
{
	struct plan_process *process = plan_process(p, name);

	if (process)
		return process;
	process = grow(&p->processes, &p->process_count, sizeof *p->processes, PLAN_PROCESSES_MAX);
	process->name = xstrdup(name);
	process->listens = streq(name, "web");
	process->instances = 1;
	process->stop_timeout_ms = PLAN_STOP_TIMEOUT_MS;
	process->health.timeout_ms = PLAN_HEALTH_TIMEOUT_MS;
	return process;
}

void plan_set_command(struct plan_process *process, const char *command)
{
	free(process->command);
	process->command = xstrdup(command);
	process->unix_socket = process->listens && (strstr(command, "$LISTEN") != NULL ||
							   strstr(command, "${LISTEN}") != NULL);
}

void plan_add_static(struct plan *p, const char *prefix, const char *dir, const char *fallback)
{
	struct plan_static *s =
		grow(&p->statics, &p->static_count, sizeof *p->statics, PLAN_LIST_MAX);
	*s = (struct plan_static){
		xstrdup(prefix), xstrdup(dir), fallback ? xstrdup(fallback) : NULL};
}

void plan_drop_static(struct plan *p, size_t index)
{
	struct plan_static *s = &p->statics[index];

	must(index < p->static_count);
	free(s->prefix);
	free(s->dir);
	free(s->fallback);
	p->static_count--;
	memmove(s, s + 1, (p->static_count - index) * sizeof *s);
}
