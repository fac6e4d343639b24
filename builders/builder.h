/* SPDX-License-Identifier: Apache-2.0
 *
 * A builder knows one stack: whether a source tree is of it, and the plan for it. One file a stack;
 * builders/detect.c has the registry, the order and the merge with what the author wrote.
 */
#ifndef BERTH_BUILDERS_BUILDER_H
#define BERTH_BUILDERS_BUILDER_H

#include <stdbool.h>

#include "builders/plan.h"
#include "builders/source.h"
#include "builders/toolchain.h"
#include "lib/data/manifest.h"
#include "lib/data/procfile.h"

/* Everything a builder may look at, and the plan that it fills. All borrowed. */
struct detection {
	const struct source *source;
	const struct manifest *manifest; /* empty when there is no berth.yaml */
	const struct procfile *procfile; /* empty when there is none */
	const struct toolchain *tools;
	struct plan *plan;
};

struct builder {
	const char *name; /* as build.stack calls it */
	/* Why this tree is of the stack ("requirements.txt"), NULL when it is not. */
	const char *(*detect)(const struct detection *d);
	/* Fills steps, processes and the rest by the stack's rules. -EINVAL with words that a person
	 * can act on when the tree is of this stack but cannot be built. */
	int (*plan)(const struct detection *d, struct err *err);
};

extern const struct builder builder_python, builder_node, builder_go, builder_procfile,
	builder_executable, builder_static, builder_script;

/* Reads berth.yaml and Procfile, chooses the builder, makes the whole plan. `ret` is only set on
 * success; errors are the author's to fix. */
int detect_plan(const struct source *source, const struct toolchain *tools, struct plan **ret,
	struct err *err);

/* Does the author say what runs as `name`, in berth.yaml or the Procfile? */
bool detection_has_command(const struct detection *d, const char *name);

/* For node sites: the plan of the folder that a build writes. Also the `static` builder's rule for
 * which folder of a tree is the site; NULL when none has an index.html. */
const char *static_folder(const struct source *s);

/* The node half of a plan, for apps whose pages are built by node but served by another stack:
 * install and build steps. 0, or -EINVAL with words. */
int node_plan_assets(const struct detection *d, struct err *err);

#endif
