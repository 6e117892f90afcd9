// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

const struct cmd *const commands[] = {
	/* roots */
	&cmd_create,
	&cmd_list,
	&cmd_info,
	&cmd_destroy,
	&cmd_clone,
	&cmd_snapshot,
	&cmd_rollback,
	&cmd_diff,
	&cmd_resize,
	&cmd_export,
	/* what is done in one */
	&cmd_run,
	&cmd_enter,
	&cmd_emerge,
	&cmd_setup,
	&cmd_plan,
	&cmd_verify,
	/* on the host */
	&cmd_audit,
	&cmd_doctor,
	&cmd_stage,
	&cmd_crossdev_args,
	&cmd_crossdev_hook,
	NULL,
};

static void usage(FILE *f)
{
	fputs("usage: crossroot COMMAND [OPTIONS] ...\n\n"
	      "Hybrid roots: native compilers and tools in a foreign root "
	      "file system.\n\n",
	      f);
	for (const struct cmd *const *c = commands; *c; c++)
		fprintf(f, "  %-14s %s\n", (*c)->name, (*c)->help);
	fputs("\n'crossroot COMMAND --help' lists a command's options.\n", f);
}

/* A result that could not be written is a command that failed. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		perror("crossroot: error: cannot write the result");
		return status ? status : EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	/* where a caller ignores it, children end without anybody being told */
	signal(SIGCHLD, SIG_DFL);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		usage(stdout);
		return finish(0);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("crossroot " VERSION);
		return finish(0);
	}
	for (const struct cmd *const *c = commands; *c; c++)
		if (!strcmp(argv[1], (*c)->name))
			return finish((*c)->run(*c, argc - 1, argv + 1));
	fprintf(stderr,
		"crossroot: error: there is no command '%s'\n"
		"crossroot: hint: 'crossroot --help' lists the commands\n",
		argv[1]);
	return EXIT_USAGE;
}
