/* SPDX-License-Identifier: Apache-2.0
 *
 * What concerns the host as a whole: version, the local CA, the doctor's answer.
 */
#include <errno.h>

#include "agent/api/doctor.h"
#include "agent/api/endpoints.h"
#include "agent/api/server.h"
#include "lib/base/str.h"
#include "lib/sys/file.h"

#define API_VERSION 1
#define CA_MAX (64u << 10)

void handle_version(struct exchange *x)
{
	const struct api_config *c = x->api->config;

	reply_json(x, 200,
		json_pack("{s:s,s:i,s:s,s:i,s:i,s:s,s:s?}", "version", BERTH_VERSION, "api",
			API_VERSION, "mode", c->mode, "http_port", (int)c->http_port, "https_port",
			(int)c->https_port, "base_domain", c->base_domain, "admin_host",
			c->admin_host));
}

void handle_ca(struct exchange *x)
{
	_cleanup_free_ char *pem = NULL;
	struct err err;

	if (file_read(x->api->config->ca_path, CA_MAX, &pem, NULL, &err) < 0)
		reply_err(x, &err);
	else
		reply_text(x, "application/x-pem-file", pem);
}

void handle_doctor(struct exchange *x)
{
	const struct api_config *c = x->api->config;
	const struct doctor_subject subject = {.state_dir = c->state_dir,
		.programs = c->programs,
		.edge = c->edge,
		.http_port = c->http_port,
		.https_port = c->https_port};

	reply_json(x, 200, json_pack("{s:o}", "checks", doctor_examine(&subject)));
}
