// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

/* What every unit test starts with; cmocka wants these first and in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "os/beneath.h"
#include "os/fdio.h"

/* A new directory; remove_dir deletes it with all it holds. */
static inline char *make_dir(void)
{
	char *dir = xstrdup("/tmp/crossroot-test.XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline void remove_dir(char *dir)
{
	assert_int_equal(beneath_rmtree(AT_FDCWD, dir, NULL), 0);
	free(dir);
}

static inline int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Write @text to @path below @dir, making the directories on the way. */
static inline void write_file(int dirfd, const char *path, const char *text)
{
	_cleanup_free_ char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(fdio_mkdirs(dirfd, parent, 0755, NULL), 0);
	}
	assert_int_equal(fdio_publish(dirfd, path, text, strlen(text), 0644, NULL), 0);
}
