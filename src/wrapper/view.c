// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In a root at /run/crossroot, under two names:
 *
 *	enter-view TIER CMD [ARG]...	run CMD where no more than TIER is native
 *	emulate CMD [ARG]...		the same with "none": CMD and all it starts
 *					are the root's own programs
 *
 * A run shows its root a second and a third time, without swaps and with those of
 * the toolchain tier only. In such a view, or in a run, of a lower tier already, CMD
 * is just run. Root is not needed.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "wrapper/chroot.h"

#define DIR "/run/crossroot"

static const char *const tiers[] = { "none", "toolchain", "tools" };
static const char *const views[] = { DIR "/emulated", DIR "/toolchain" };

static int tier_of(const char *name)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(name, tiers[i]))
			return i;
	return -1;
}

/* The tier of where this process is. */
static int tier_here(void)
{
	char word[16] = "";
	FILE *f = fopen(DIR "/tier", "re");

	if (f && fgets(word, sizeof(word), f))
		word[strcspn(word, "\n")] = '\0';
	if (f)
		fclose(f);
	return tier_of(word);
}

/* A run's native Python is not in a view of a lower tier. */
static void own_python(void)
{
	const char *python = getenv("PORTAGE_PYTHON");
	char path[PATH_MAX];

	if (!python || strncmp(python, DIR "/", sizeof(DIR)))
		return;
	snprintf(path, sizeof(path), "/usr/bin%s", strrchr(python, '/'));
	setenv("PORTAGE_PYTHON", path, 1);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argc ? argv[0] : "", '/'), *failed = NULL;
	bool emulate = name && !strcmp(name, "/emulate");
	int first = emulate ? 1 : 2;
	int tier = emulate ? 0 : argc > 1 ? tier_of(argv[1]) : -1;
	int here = tier_here();

	if (argc <= first || tier < 0) {
		fprintf(stderr, "usage: " DIR "/%s CMD [ARG]...\n",
			emulate ? "emulate" : "enter-view none|toolchain|tools");
		return 125;
	}
	if (here < 0) {
		errno = ENOENT;
		failed = "read " DIR "/tier";
	} else if (tier < here) {
		failed = enter_view(views[tier]);
		own_python();
	}
	if (failed) {
		fprintf(stderr, "crossroot: %s: %s\n", failed, strerror(errno));
		return 125;
	}
	execvp(argv[first], argv + first);
	fprintf(stderr, "crossroot: run '%s': %s\n", argv[first], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
