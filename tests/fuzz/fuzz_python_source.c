/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the scanner of Python files and that of start commands, which both read text of the app.
 */
#include "builders/command.h"
#include "builders/python.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const classes[] = {"FastAPI", "Flask", NULL};
	_cleanup_free_ char *text = str_dup((struct str){(const char *)data, size});
	bool factory;

	free(python_scan_object(text, classes, &factory));
	free(python_scan_setting(text, "STATIC_ROOT"));
	free(command_for_exec(text));
	free(command_program(text));
	return 0;
}
