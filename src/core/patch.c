// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/patch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/fdio.h"

#define FILE_LIMIT (64 << 20)

/* The next string of @data from @at on that @mode takes, NULL when there is none. */
static char *next_match(char *data, size_t size, size_t at, const char *from,
			enum patch_mode mode)
{
	size_t n = strlen(from);
	char *hit;

	while (at < size && (hit = memmem(data + at, size - at, from, n))) {
		size_t off = (size_t)(hit - data);
		/* fdio_read_fd put a NUL behind the last byte */
		char end = hit[n];

		if ((!off || !hit[-1]) && (!end || (mode == PATCH_PREFIX && end == '/')))
			return hit;
		at = off + n;
	}
	return NULL;
}

int patch_file(int dirfd, const char *name, const char *from, const char *to,
	       enum patch_mode mode, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	size_t size, n = strlen(from), hits = 0;
	int r;

	if (fd < 0)
		return err_set(e, -errno, "open '%s'", name);
	r = fdio_read_fd(fd, name, FILE_LIMIT, &data, &size, e);
	if (r < 0)
		return r;
	for (char *hit = next_match(data, size, 0, from, mode); hit;
	     hit = next_match(data, size, (size_t)(hit - data) + n, from, mode)) {
		hits++;
		if (mode == PATCH_ONCE && hits > 1)
			return err_set(e, -ERR_FORMAT, "'%s' names '%s' more than once",
				       name, from);
		if (pwrite(fd, to, n, hit - data) != (ssize_t)n)
			return err_set(e, -errno, "write '%s'", name);
	}
	return hits ? 0 : err_set(e, -ENOENT, "'%s' in '%s'", from, name);
}

char *patch_pad(const char *path, size_t len)
{
	size_t n = strlen(path), head = (size_t)(path_base(path) - path);
	char *out;

	if (n > len)
		return NULL;
	out = xmalloc(len + 1);
	memcpy(out, path, head);
	memset(out + head, '/', len - n);
	memcpy(out + head + (len - n), path + head, n - head + 1);
	return out;
}
