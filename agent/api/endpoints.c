/* SPDX-License-Identifier: Apache-2.0
 *
 * Every endpoint, in the order of docs/api.md.
 */
#include "agent/api/endpoints.h"

#define APP "/v1/apps/{app}"
#define GIT "/git/{app}.git"

const struct endpoint endpoints[] = {
	{"GET", "/v1/version", FOR_ANYONE, BODY_NONE, "", handle_version},
	{"GET", "/v1/ca", FOR_ANYONE, BODY_NONE, "", handle_ca},
	{"GET", "/v1/doctor", FOR_ADMINS, BODY_NONE, "", handle_doctor},

	{"GET", "/v1/apps", FOR_ANYONE, BODY_NONE, "", handle_app_list},
	{"POST", "/v1/apps", FOR_ANYONE, BODY_JSON, "", handle_app_add},
	{"GET", APP, FOR_APP, BODY_NONE, "", handle_app_get},
	{"DELETE", APP, FOR_APP, BODY_NONE, "", handle_app_remove},
	{"GET", APP "/releases", FOR_APP, BODY_NONE, "limit", handle_release_list},

	{"POST", APP "/deploys", FOR_APP, BODY_JSON, "", handle_deploy_add},
	{"POST", APP "/rollback", FOR_APP, BODY_JSON, "", handle_rollback},
	{"GET", APP "/deploys/{id}", FOR_APP, BODY_NONE, "", handle_deploy_get},
	{"DELETE", APP "/deploys/{id}", FOR_APP, BODY_NONE, "", handle_deploy_cancel},
	{"GET", APP "/deploys/{id}/events", FOR_APP, BODY_NONE, "", handle_deploy_events},

	{"GET", APP "/env", FOR_APP, BODY_NONE, "", handle_env_get},
	{"PATCH", APP "/env", FOR_APP, BODY_JSON, "", handle_env_change},
	{"GET", APP "/domains", FOR_APP, BODY_NONE, "", handle_domain_list},
	{"POST", APP "/domains", FOR_APP, BODY_JSON, "", handle_domain_add},
	{"DELETE", APP "/domains/{domain}", FOR_APP, BODY_NONE, "", handle_domain_remove},
	{"GET", APP "/ps", FOR_APP, BODY_NONE, "", handle_processes},
	{"GET", APP "/logs", FOR_APP, BODY_NONE, "lines,follow,process", handle_logs},

	{"GET", "/v1/certs", FOR_ADMINS, BODY_NONE, "", handle_certificate_list},
	{"POST", "/v1/certs/{domain}/renew", FOR_ADMINS, BODY_NONE, "", handle_certificate_renew},

	{"GET", "/v1/tokens", FOR_ADMINS, BODY_NONE, "", handle_token_list},
	{"POST", "/v1/tokens", FOR_ADMINS, BODY_JSON, "", handle_token_add},
	{"DELETE", "/v1/tokens/{token}", FOR_ADMINS, BODY_NONE, "", handle_token_remove},

	{"GET", GIT "/info/refs", FOR_APP, BODY_NONE, "service", handle_git_advertise},
	{"POST", GIT "/git-receive-pack", FOR_APP, BODY_STREAM, "", handle_git_receive},
};

const size_t endpoint_count = ARRAY_SIZE(endpoints);
