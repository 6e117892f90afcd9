// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bound over a compiler driver (gcc, g++, cpp) and the few other programs that
 * have to be told where they are. Starts the native twin, which the plan binds at
 * NATIVE + our own path, the way CONF + our own path says:
 *
 *	env K=V		set K, where the environment does not
 *	include K=DIRS	add DIRS to the list K, unless -nostdinc is among the arguments
 *	include++ K=DIRS  the same, and not with -nostdinc++ either
 *	arg ARG		put ARG before the given arguments
 *	argv0 NAME	run it under this name
 *	questions	let the emulated original answer what a compiler is only asked
 *	questions -	the same for one that reads standard input if no file is given
 *	original K=V	set K, where the original has to do the work: else it would start
 *			native programs that its swapped directories hold
 *	emulate ARG	let it do everything where ARG is among the arguments
 *
 * With CROSSROOT_EMULATE in the environment the emulated original runs instead.
 * Static, and silent unless it fails: it starts once for every compilation.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NATIVE "/run/crossroot/driver"
#define CONF "/run/crossroot/conf"
#define EMULATED "/run/crossroot/emulated"

static char self[PATH_MAX];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "crossroot: %s: %s: %s\n", self, what, strerror(errno));
	exit(127);
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Whether @arg takes the argument after it, so that this one is no input file. */
static bool takes_value(const char *arg)
{
	static const char *const opts[] = {
		"-o", "-x", "-I", "-L", "-l", "-D", "-U", "-B", "-T", "-u", "-e", "-z", "-A",
		"-MF", "-MT", "-MQ", "-include", "-imacros", "-isystem", "-iquote",
		"-idirafter", "-iprefix", "-isysroot", "-imultilib", "-Xlinker",
		"-Xassembler", "-Xpreprocessor", "-aux-info", "--param", "-dumpbase",
		"-dumpdir", "-dumpbase-ext", "-specs", "-wrapper", "-G",
	};

	for (size_t i = 0; i < sizeof(opts) / sizeof(*opts); i++)
		if (!strcmp(arg, opts[i]))
			return true;
	return false;
}

/*
 * Whether the command line only asks the driver about itself. What it answers
 * ends up in scripts (libtool runs what -print-prog-name says), so it has to be
 * the original's answer. With an input file it is work, -v or not.
 */
static bool is_question(int argc, char **argv, bool reads_stdin)
{
	bool asked = false, input = reads_stdin;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (starts_with(a, "-print-") || starts_with(a, "--print-") ||
		    !strcmp(a, "-dumpmachine") || !strcmp(a, "-dumpversion") ||
		    !strcmp(a, "-dumpfullversion") || !strcmp(a, "-dumpspecs") ||
		    starts_with(a, "--help") || !strcmp(a, "--target-help") ||
		    !strcmp(a, "--version"))
			return true;
		if (!strcmp(a, "-v") || !strcmp(a, "-###"))
			asked = true;
		else if (takes_value(a))
			i++;
		else if (*a != '-' || !a[1])
			input = true;
	}
	return asked && !input;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

static void append(char *kv)
{
	char *dirs = strchr(kv, '='), *value;
	const char *old;

	if (!dirs)
		return;
	*dirs++ = '\0';
	old = getenv(kv);
	/* a child driver (lto-wrapper starts one) has them already */
	if (old && ends_with(old, dirs))
		return;
	if (asprintf(&value, "%s%s%s", old ? old : "", old && *old ? ":" : "", dirs) < 0 ||
	    setenv(kv, value, 1) < 0)
		fail("set the environment");
	free(value);
}

static char *under(const char *dir)
{
	char *path;

	if (asprintf(&path, "%s%s", dir, self) < 0)
		fail("name the program");
	return path;
}

static _Noreturn void emulate(char **argv)
{
	execv(under(EMULATED), argv);
	fail("run the emulated original");
}

static bool is_among(const char *arg, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], arg))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	char **args = calloc((size_t)argc + 64, sizeof(*args)), *line = NULL;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t size = 0;
	bool original = getenv("CROSSROOT_EMULATE");
	int n = 1;
	FILE *f;

	if (!args || argc < 1 || len < 0)
		fail("find the program's own path");
	args[0] = argv[0];
	f = fopen(under(CONF), "re");
	if (!f)
		fail("read how to run the native twin");
	while ((len = getline(&line, &size, f)) > 0 && n < 60) {
		char *word = line, *rest;

		line[strcspn(line, "\n")] = '\0';
		rest = word + strcspn(word, " ");
		if (*rest)
			*rest++ = '\0';
		rest = strdup(rest);
		if (!rest)
			fail("read how to run the native twin");
		if ((!strcmp(word, "questions") && is_question(argc, argv, *rest)) ||
		    (!strcmp(word, "emulate") && is_among(rest, argc, argv)))
			emulate(argv);
		if (!strcmp(word, original ? "original" : "env") && strchr(rest, '=')) {
			*strchr(rest, '=') = '\0';
			setenv(rest, rest + strlen(rest) + 1, original);
		} else if (original) {
			continue;
		} else if (!strcmp(word, "include") || !strcmp(word, "include++")) {
			if (!is_among("-nostdinc", argc, argv) &&
			    (!word[7] || !is_among("-nostdinc++", argc, argv)))
				append(rest);
		} else if (!strcmp(word, "arg")) {
			args[n++] = rest;
		} else if (!strcmp(word, "argv0")) {
			args[0] = rest;
		}
	}
	fclose(f);
	if (original)
		emulate(argv);
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	execv(under(NATIVE), args);
	fail("run the native twin");
}
