// SPDX-License-Identifier: GPL-2.0-or-later
/* Feed each file named as an argument to a harness, so that a corpus is a test. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/fdio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct err e = { 0 };
		char *data;
		size_t n;

		if (fdio_read_file(AT_FDCWD, argv[i], 64 << 20, &data, &n, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)data, n);
		free(data);
	}
	printf("%d inputs\n", argc - 1);
	return argc < 2;
}
