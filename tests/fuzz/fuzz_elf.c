// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mech/elf.h"
#include "os/fdio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_info info;
	struct err e = { 0 };

	if (fd < 0 || fdio_write_all(fd, data, n) < 0)
		abort();
	if (!elf_read(fd, "F", &info, &e)) {
		/* every string is whole */
		for (size_t i = 0; i < info.needed.n; i++)
			if (strlen(info.needed.v[i]) > n)
				abort();
		elf_info_free(&info);
	} else if (e.code != -ERR_FORMAT) {
		abort();
	}
	close(fd);
	return 0;
}
