// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/setup.h"
#include "os/beneath.h"

static int check_target(const char *target, const struct arch *found, struct err *e)
{
	const struct arch *want = target ? arch_by_tuple(target) : NULL;

	if (!target || want == found)
		return 0;
	err_set(e, -ERR_MISMATCH, "the stage holds %s programs, not what %s needs",
		found->name, target);
	return err_hint(e, "take a stage for %s, or --target %s", target, found->tuple);
}

static int open_stage(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open the stage '%s'", path);
	if (!S_ISREG(st.st_mode)) {
		err_set(e, -ERR_USAGE, "the stage '%s' is %s", path,
			S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
		return err_hint(e, "--stage takes a tarball of a root file system");
	}
	return TAKE_FD(fd);
}

/* Portage's hooks; a stage that has files in their way is a root without them. */
static int set_up(const char *name, int tree, int dir, struct err *e)
{
	const struct root root = { .name = (char *)name, .tree_fd = tree, .dir_fd = dir };
	int r = setup_wanted(&root) ? setup_install(&root, e) : 0;

	if (r != -ERR_STATE)
		return r;
	log_warn("%s; %s, then 'crossroot setup %s'", e->msg, e->hint, name);
	*e = (struct err){ 0 };
	return 0;
}

static int unpack(int stage, const struct create_spec *spec, int dir,
		  const struct archive_progress *progress, struct err *e)
{
	_cleanup_close_ int tree = -1;
	const struct arch *arch;
	int r;

	if (mkdirat(dir, "tree", 0755) < 0)
		return err_set(e, -errno, "create root '%s'", spec->name);
	tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* for a stage that does not name its top, and whatever the umask */
	if (tree < 0 || fchmod(tree, 0755) < 0)
		return err_set(e, -errno, "create root '%s'", spec->name);
	r = archive_unpack(stage, spec->stage, tree, progress, e);
	if (!r && (r = root_detect_arch(tree, &arch, e)))
		err_wrap(e, "stage '%s'", spec->stage);
	if (!r)
		r = check_target(spec->settings->target, arch, e);
	if (!r)
		r = settings_write(spec->settings, dir, "root.conf", e);
	if (!r && spec->setup)
		r = set_up(spec->name, tree, dir, e);
	/* what was unpacked must be on disk before its name says that it is whole */
	if (!r && syncfs(tree) < 0)
		r = err_set(e, -errno, "write root '%s' to disk", spec->name);
	return r;
}

int root_create(const struct registry *reg, const struct create_spec *spec,
		const struct archive_progress *progress, struct err *e)
{
	_cleanup_close_ int lock = -1, stage = -1, dir = -1;
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", spec->name);
	_cleanup_free_ char *doomed = xasprintf(".deleting-%s", spec->name);
	struct stat st;
	int r = root_check_name(spec->name, e);

	if (r < 0)
		return r;
	if (access(spec->settings->native_root, X_OK) < 0)
		return err_set(e, -errno, "open the native root '%s'",
			       spec->settings->native_root);
	stage = open_stage(spec->stage, e);
	if (stage < 0)
		return stage;
	lock = root_lock(reg, spec->name, LOCK_EXCLUSIVE, e);
	if (lock < 0)
		return lock;
	if (!fstatat(reg->roots_fd, spec->name, &st, AT_SYMLINK_NOFOLLOW)) {
		err_set(e, -ERR_STATE, "there is a root '%s' already", spec->name);
		return err_hint(e, "'crossroot destroy %s' deletes it", spec->name);
	}
	r = beneath_rmtree(reg->roots_fd, tmp, e);
	if (!r)
		r = beneath_rmtree(reg->roots_fd, doomed, e);
	if (r < 0)
		return r;
	if (mkdirat(reg->roots_fd, tmp, 0755) < 0)
		return err_set(e, -errno, "create root '%s'", spec->name);
	dir = openat(reg->roots_fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir < 0 ? err_set(e, -errno, "create root '%s'", spec->name) :
		      unpack(stage, spec, dir, progress, e);
	if (!r && renameat(reg->roots_fd, tmp, reg->roots_fd, spec->name) < 0)
		r = err_set(e, -errno, "register root '%s'", spec->name);
	if (r < 0)
		beneath_rmtree(reg->roots_fd, tmp, NULL);
	else
		fsync(reg->roots_fd);
	return r;
}
