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
 *	questions	let the emulated original do it where a compiler is asked about
 *			itself (-v, -print-...): what it says ends up in scripts
 *	emulate ARG	the same where ARG is among the arguments
 *
 * The original also runs with CROSSROOT_EMULATE in the environment. It sees the
 * root without any swap, so that all it starts is emulated too.
 * Static, and silent unless it fails: it starts once for every compilation.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wrapper/chroot.h"

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

/* -v says it while it works; it is rare enough to be worked emulated. */
static bool is_question(int argc, char **argv)
{
	static const char *const questions[] = {
		"-v", "--verbose", "-###", "--version", "--target-help", "-dumpmachine",
		"-dumpversion", "-dumpfullversion", "-dumpspecs",
	};

	for (int i = 1; i < argc; i++) {
		if (starts_with(argv[i], "-print-") || starts_with(argv[i], "--print-") ||
		    starts_with(argv[i], "--help"))
			return true;
		for (size_t q = 0; q < sizeof(questions) / sizeof(*questions); q++)
			if (!strcmp(argv[i], questions[q]))
				return true;
	}
	return false;
}

/* Whether the list @dirs ends with the list @last. */
static bool ends_with(const char *dirs, const char *last)
{
	size_t n = strlen(dirs), m = strlen(last);

	return n >= m && !strcmp(dirs + n - m, last) && (n == m || dirs[n - m - 1] == ':');
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
	const char *failed = enter_view(EMULATED);

	if (failed)
		fail(failed);
	execv(self, argv);
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
	int n = 1;
	FILE *f;

	if (!args || argc < 1 || len < 0)
		fail("find the program's own path");
	if (getenv("CROSSROOT_EMULATE"))
		emulate(argv);
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
		if ((!strcmp(word, "questions") && is_question(argc, argv)) ||
		    (!strcmp(word, "emulate") && is_among(rest, argc, argv)))
			emulate(argv);
		if (!strcmp(word, "env") && strchr(rest, '=')) {
			*strchr(rest, '=') = '\0';
			setenv(rest, rest + strlen(rest) + 1, 0);
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
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	execv(under(NATIVE), args);
	fail("run the native twin");
}
