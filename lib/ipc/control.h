/* SPDX-License-Identifier: Apache-2.0
 *
 * Agent to proxy: the control socket (UNIX, SOCK_STREAM, mode 0660). One JSON object a line in
 * each direction; every request has an "id" that its answer repeats; answers may come out of order.
 *
 *	{"id":1,"op":"apply","table":{...}}    {"id":1,"ok":true,"version":12}
 *	                                       {"id":1,"ok":false,"error":"sites[0].hosts: ..."}
 *	{"id":2,"op":"status"}                 {"id":2,"ok":true,"version":12,"workers":2,
 *	                                        "connections":3,"requests":1042,
 *	                                        "releases":[{"app":"shop","release":6,"inflight":1,
 *	                                                     "requests":900,"errors_5xx":0}]}
 *
 * "apply" is answered after every worker serves the new table: from then on no new request goes to
 * a release that is not in it. "releases" has an entry for each (app, release) that is in the table
 * or still has requests or tunnels in flight; a drained, retired release disappears from it.
 * `errors_5xx` counts responses with a 5xx status and requests that got none.
 */
#ifndef BERTH_IPC_CONTROL_H
#define BERTH_IPC_CONTROL_H

#define CONTROL_LINE_MAX (17u << 20) /* a route table and its envelope */

#define CONTROL_OP_APPLY "apply"
#define CONTROL_OP_STATUS "status"

#endif
