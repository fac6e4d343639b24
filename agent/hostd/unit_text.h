/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of the units of apps, made of checked names and numbers only (lib/ipc/hostd.h): no
 * command, path or variable that a user chose. Pure.
 */
#ifndef BERTH_AGENT_HOSTD_UNIT_TEXT_H
#define BERTH_AGENT_HOSTD_UNIT_TEXT_H

#include "lib/base/buf.h"
#include "lib/ipc/hostd.h"

#define UNIT_TEXT_MAX (16u << 10)
#define UNIT_NAME_MAX 160

#define DIR_STATE "/var/lib/berth"
#define DIR_RUN "/run/berth"
#define DIR_PROGRAMS "/usr/lib/berth"
#define DIR_HOSTD_STATE "/var/lib/berth-hostd" /* root only: copies of what units load */
#define DIR_HOSTD_RUN "/run/berth-hostd"
#define GROUP_PROXY "berth-proxy"
#define USER_AGENT "berth"

/* "shop.7.web.1", and "shop.7.build" for a task. */
void name_of(const struct hostd_request *r, char to[UNIT_NAME_MAX]);

/* Back from a name, or from a unit's name: app, release, and process and index or task. */
int name_parse(const char *name, struct hostd_request *ret);
int unit_parse(const char *unit, struct hostd_request *ret);

/* "berth-app-shop.7.web.1.service", "berth-task-shop.7.build.service". */
void unit_of(const struct hostd_request *r, char to[UNIT_NAME_MAX]);

/* The folder with the files that the unit loads as credentials. */
void credentials_of(const struct hostd_request *r, char to[UNIT_NAME_MAX]);

/* The whole unit. `has_build_env`: a build gets a file of variables. */
int unit_text(const struct hostd_request *r, bool has_build_env, struct buf *to);

bool is_task(const struct hostd_request *r);

#endif
