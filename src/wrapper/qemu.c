// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The interpreter binfmt_misc starts where qemu needs arguments of its own
 * ("-cpu cortex-a8"), which the kernel cannot give it. Called with the program's
 * path, its argv[0] and its arguments (flag P); runs QEMU with the words of ARGS,
 * one a line, before them. Static: it is started inside foreign roots.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QEMU "/run/crossroot/qemu"
#define ARGS "/run/crossroot/qemu.args"
#define MAX_ARGS 64

int main(int argc, char **argv)
{
	char **args = calloc((size_t)argc + MAX_ARGS + 4, sizeof(*args)), *line = NULL;
	FILE *f = fopen(ARGS, "re");
	size_t size = 0;
	int n = 0;

	if (!args || !f || argc < 3)
		goto fail;
	args[n++] = QEMU;
	while (getline(&line, &size, f) > 0) {
		if (n > MAX_ARGS) {
			errno = E2BIG;
			goto fail;
		}
		line[strcspn(line, "\n")] = '\0';
		args[n] = strdup(line);
		if (!args[n++])
			goto fail;
	}
	fclose(f);
	args[n++] = "-0";
	args[n++] = argv[2];
	args[n++] = argv[1];
	for (int i = 3; i < argc; i++)
		args[n++] = argv[i];
	execv(QEMU, args);
fail:
	fprintf(stderr, "crossroot: start qemu for %s: %s\n", argc > 1 ? argv[1] : "a program",
		strerror(errno));
	return 127;
}
