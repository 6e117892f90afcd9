// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/doctor_impl.h"
#include "mech/binfmt.h"
#include "mech/ns.h"

/* Not done yet; what a child that died in between leaves. */
#define NOT_TRIED (-ECANCELED)

/* Any directory will do: what is mounted there is seen by this trial alone. */
#define PLACE "/sys"

struct task {
	const struct emulator *emu;
	struct trial *result; /* shared with the parent */
};

static int register_one(const struct emulator *emu, size_t i)
{
	struct binfmt_entry ent = { .name = arch_at(i)->name, .arch = arch_at(i),
				    .interp = emu->path, .flags = "" };

	return emu->path ? binfmt_register(PLACE, &ent, NULL) : NOT_TRIED;
}

static int try_binfmt(const struct task *t)
{
	/* any program can be registered; this one is never started */
	struct binfmt_entry any = { .name = "trial", .arch = arch_at(0),
				    .interp = "/proc/self/exe", .flags = "" };
	int r = binfmt_register_private(PLACE, &any, NULL);

	for (size_t i = 0; !r && i < DOCTOR_ARCHES && arch_at(i); i++)
		t->result->registered[i] = register_one(&t->emu[i], i);
	return r;
}

static int try_overlay(void)
{
	static const char *const dirs[] = { PLACE "/lower", PLACE "/upper", PLACE "/work",
					    PLACE "/merged" };

	if (mount("tmpfs", PLACE, "tmpfs", 0, "mode=755") < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return -errno;
	if (mount("overlay", dirs[3], "overlay", 0,
		  "userxattr,lowerdir=" PLACE "/lower,upperdir=" PLACE "/upper,"
		  "workdir=" PLACE "/work") < 0)
		return -errno;
	return 0;
}

static int inside(void *arg)
{
	const struct task *t = arg;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	t->result->binfmt = try_binfmt(t);
	t->result->overlay = try_overlay();
	return 0;
}

void doctor_try(const struct emulator *emu, struct trial *out)
{
	struct trial *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct task task = { emu, shared };
	pid_t pid;

	*out = (struct trial){ .binfmt = NOT_TRIED, .overlay = NOT_TRIED };
	for (size_t i = 0; i < DOCTOR_ARCHES; i++)
		out->registered[i] = NOT_TRIED;
	if (shared == MAP_FAILED) {
		err_set(&out->start, -errno, "share memory with a trial");
		return;
	}
	*shared = *out;
	pid = ns_start(inside, &task, &out->start);
	if (pid > 0) {
		int status = -1;

		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		*out = *shared;
		if (status)
			err_set(&out->start, -ERR_CHILD, "the trial's process failed");
	}
	munmap(shared, sizeof(*shared));
}
