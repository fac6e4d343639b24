/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over its corpus without libFuzzer, so that every build, with any compiler,
 * replays what the fuzzers once found. Arguments are corpus folders; an absent folder is an error.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return -1;
	}
	uint8_t *data = NULL;
	size_t size = 0;
	for (;;) {
		uint8_t *grown = realloc(data, size + 65536);
		if (!grown)
			abort();
		data = grown;
		size_t n = fread(data + size, 1, 65536, f);
		size += n;
		if (n == 0)
			break;
	}
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int replay_dir(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d) {
		perror(dir);
		return -1;
	}
	int n = 0;
	struct dirent *e;
	while ((e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
		char path[4096];
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (replay_file(path) < 0) {
			(void)closedir(d);
			return -1;
		}
		n++;
	}
	(void)closedir(d);
	printf("%s: %d inputs replayed\n", dir, n);
	return n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay_dir(argv[i]) < 0)
			return 1;
	return argc > 1 ? 0 : 2;
}
