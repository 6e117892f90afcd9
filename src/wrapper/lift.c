// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In a root at /run/crossroot/lift: take swaps off, so that the originals beneath
 * them can be replaced. A mount point can be neither renamed over nor deleted.
 *
 *	lift PATH...		of these paths
 *	lift --image DIR	of what a package's image in DIR would install
 *	lift --contents FILE	of what a package installed (a CONTENTS of Gentoo's
 *				database; a missing FILE lists nothing)
 *
 * Under the name "originals" it runs a command, which is to see what is installed and not
 * what is swapped: originals CMD ARG... takes all swaps off in a mount namespace of its own.
 *
 * Which paths are swapped is in /run/crossroot/swaps, canonical, one a line. What
 * runs of a lifted program goes on; from now on this run starts the original.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWAPS "/run/crossroot/swaps"
#define TOOLCHAIN_VIEW "/run/crossroot/toolchain"

static char *swaps;
static const char *image;
static int status;

static void complain(const char *what, const char *path)
{
	fprintf(stderr, "crossroot: %s '%s': %s\n", what, path, strerror(errno));
	status = 1;
}

/* All of the file, each path between newlines. */
static int read_swaps(void)
{
	size_t size = 0, len = 1;
	FILE *f = fopen(SWAPS, "re");
	int c;

	if (!f)
		return -1;
	while ((c = getc(f)) != EOF) {
		if (len + 2 > size) {
			size = 2 * size + 4096;
			swaps = realloc(swaps, size);
			if (!swaps)
				abort();
		}
		swaps[0] = '\n';
		swaps[len++] = (char)c;
		swaps[len] = '\0';
	}
	return fclose(f);
}

static bool is_swapped(const char *path)
{
	size_t n = strlen(path);

	for (const char *at = swaps; (at = strstr(at, path)); at++)
		if (at[-1] == '\n' && at[n] == '\n')
			return true;
	return false;
}

static void take_off(const char *path)
{
	/* not there: another package's turn has taken it off already */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		complain("take the swap off", path);
}

/* Lift @path if it is swapped, under whatever name a link on the way gives it. */
static void lift(const char *path)
{
	char dir[PATH_MAX], real[PATH_MAX], full[2 * PATH_MAX], view[3 * PATH_MAX];
	const char *base = strrchr(path, '/');

	if (!base || (size_t)(base - path) >= sizeof(dir))
		return;
	memcpy(dir, path, (size_t)(base - path));
	dir[base - path] = '\0';
	/* the last name itself may be a link that is replaced, and no swap then */
	if (!realpath(*dir ? dir : "/", real))
		return;
	snprintf(full, sizeof(full), "%s%s", strcmp(real, "/") ? real : "", base);
	if (is_swapped(full)) {
		snprintf(view, sizeof(view), TOOLCHAIN_VIEW "%s", full);
		take_off(full);
		take_off(view);
	}
}

static int lift_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type != FTW_D && type != FTW_DNR)
		lift(path + strlen(image));
	return 0;
}

/* "obj PATH MD5 MTIME" and "sym PATH -> TARGET MTIME"; a PATH may have blanks. */
static void lift_contents(const char *file)
{
	FILE *f = fopen(file, "re");
	char *line = NULL, *end;
	size_t size = 0;

	if (!f) {
		if (errno != ENOENT)
			complain("read", file);
		return;
	}
	while (getline(&line, &size, f) > 0) {
		bool obj = !strncmp(line, "obj ", 4);

		if (!obj && strncmp(line, "sym ", 4))
			continue;
		end = obj ? strrchr(line, ' ') : strstr(line, " -> ");
		if (obj && end) {
			*end = '\0';
			end = strrchr(line, ' ');
		}
		if (!end || end < line + 4)
			continue;
		*end = '\0';
		lift(line + 4);
	}
	free(line);
	fclose(f);
}

static int originals(char **cmd)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		complain("take all swaps off for", *cmd);
		return 125;
	}
	for (char *at = swaps, *end; at && (end = strchr(at + 1, '\n')); at = end) {
		*end = '\0';
		take_off(at + 1);
		*end = '\n';
	}
	if (status)
		return 125;
	execvp(*cmd, cmd);
	complain("run", *cmd);
	return 127;
}

int main(int argc, char **argv)
{
	const char *name = argc ? strrchr(argv[0], '/') : NULL;
	static char clean[PATH_MAX];

	if (argc < 2) {
		fputs("usage: /run/crossroot/lift PATH...|--image DIR|--contents FILE\n", stderr);
		return 2;
	}
	if (read_swaps() < 0) {
		complain("read", SWAPS);
		return 1;
	}
	if (name && !strcmp(name, "/originals"))
		return originals(argv + 1);
	/* a run that swaps nothing */
	if (!swaps)
		return 0;
	if (argc == 3 && !strcmp(argv[1], "--image")) {
		image = realpath(argv[2], clean);
		if (!image || nftw(image, lift_file, 32, FTW_PHYS) < 0)
			complain("read the image", argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "--contents")) {
		lift_contents(argv[2]);
	} else {
		for (int i = 1; i < argc; i++)
			lift(argv[i]);
	}
	return status;
}
