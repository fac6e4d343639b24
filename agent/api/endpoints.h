/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of endpoints: the server routes by it, and a test holds docs/openapi.yaml against
 * it. Handlers are in the file named for what they are about.
 */
#ifndef BERTH_AGENT_ENDPOINTS_H
#define BERTH_AGENT_ENDPOINTS_H

#include "agent/api/exchange.h"

extern const struct endpoint endpoints[];
extern const size_t endpoint_count;

/* apps.c */
void handle_app_list(struct exchange *x);
void handle_app_add(struct exchange *x);
void handle_app_get(struct exchange *x);
void handle_app_remove(struct exchange *x);
void handle_release_list(struct exchange *x);
/* deploys.c */
void handle_deploy_add(struct exchange *x);
void handle_rollback(struct exchange *x);
void handle_deploy_get(struct exchange *x);
void handle_deploy_cancel(struct exchange *x);
void handle_deploy_events(struct exchange *x);
/* environment.c */
void handle_env_get(struct exchange *x);
void handle_env_change(struct exchange *x);
/* domains.c */
void handle_domain_list(struct exchange *x);
void handle_domain_add(struct exchange *x);
void handle_domain_remove(struct exchange *x);
/* processes.c */
void handle_processes(struct exchange *x);
void handle_logs(struct exchange *x);
/* certs.c */
void handle_certificate_list(struct exchange *x);
void handle_certificate_renew(struct exchange *x);
/* tokens.c */
void handle_token_list(struct exchange *x);
void handle_token_add(struct exchange *x);
void handle_token_remove(struct exchange *x);
/* host.c */
void handle_version(struct exchange *x);
void handle_ca(struct exchange *x);
void handle_doctor(struct exchange *x);
/* git.c */
void handle_git_advertise(struct exchange *x);
void handle_git_receive(struct exchange *x);

#endif
