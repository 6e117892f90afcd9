// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/environ.h"
#include "core/hybrid.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"
#include "os/proc.h"

#define WORK "verify."

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void add_bind(struct strv *binds, const char *copy)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (const char *p = copy; *p; p++)
		buf_addf(&b, "%s%c", *p == ':' ? "\\" : "", *p);
	buf_adds(&b, ":" VERIFY_DIR);
	strv_add(binds, b.data);
}

/* A build that somebody ended says nothing, and whoever did wants no other one. */
static bool was_stopped(int status)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (status == 128 + signals[i])
			return true;
	return false;
}

static int build_at(const struct root *root, const struct settings *given,
		    const char *state, const struct verify_spec *spec, enum tier tier,
		    const char *copy, const char *epoch, struct verify_result *out,
		    int which, struct err *e)
{
	struct settings s = *given;
	struct plan plan;
	struct run run;
	double start;
	int r;

	s.native = tier;
	s.binds = (struct strv){ 0 };
	for (size_t i = 0; i < given->binds.n; i++)
		strv_add(&s.binds, given->binds.v[i]);
	add_bind(&s.binds, copy);
	r = hybrid_prepare(root, &s, state, &run, &plan, e);
	strv_free(&s.binds);
	if (!r) {
		environ_offer(&run.env, "SOURCE_DATE_EPOCH", epoch);
		run.cwd = VERIFY_DIR;
		run.user = spec->user;
		run.argv = spec->argv;
		*e = (struct err){ 0 };
		start = now();
		r = run_exec(&run, e);
		out->seconds[which] = now() - start;
		/* a command that cannot be started: its status says only that */
		if (r > 0 && e->msg[0])
			log_warn("tier %s: %s", tier_name(tier), e->msg);
	}
	run_free(&run);
	plan_free(&plan);
	if (r < 0)
		return r;
	if (was_stopped(r))
		return err_set(e, -ERR_CHILD, "the build at tier %s was stopped: %s",
			       tier_name(tier), strsignal(r - 128));
	out->status[which] = r;
	return 0;
}

static int copy_tree(const char *from, const char *to, struct err *e)
{
	_cleanup_free_ char *inside = path_join(from, ".");

	if (mkdir(to, 0755) < 0)
		return err_set(e, -errno, "create '%s'", to);
	return proc_run((char *[]){ "cp", "-a", "--reflink=auto", "--", inside,
				    (char *)to, NULL },
			NULL, NULL, 0, e);
}

static int build_and_compare(const struct root *root, const struct settings *s,
			     const char *state, const struct verify_spec *spec,
			     const char *work, const char *epoch,
			     struct verify_result *out, struct err *e)
{
	const enum tier tiers[2] = { spec->a, spec->b };
	_cleanup_close_ int a = -1, b = -1;
	int *fds[2] = { &a, &b }, r = 0;

	for (int i = 0; !r && i < 2; i++) {
		_cleanup_free_ char *copy = xasprintf("%s/%d", work, i);

		r = copy_tree(spec->tree, copy, e);
		if (!r)
			r = build_at(root, s, state, spec, tiers[i], copy, epoch, out, i,
				     e);
		*fds[i] = r ? -1 : open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (!r && *fds[i] < 0)
			r = err_set(e, -errno, "open '%s'", copy);
	}
	if (!r)
		r = compare_trees(a, tier_name(spec->a), b, tier_name(spec->b),
				  spec->ignored, &out->differences, e);
	return r;
}

/* Delete the copies of every verify that ended without deleting them. */
static void sweep(int state_fd)
{
	_cleanup_strv_ struct strv names = { 0 };

	beneath_list(state_fd, "/", &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_close_ int fd = -1;
		struct err e;

		if (fnmatch(WORK "??????", names.v[i], 0))
			continue;
		fd = openat(state_fd, names.v[i],
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		if (beneath_rmtree(state_fd, names.v[i], &e) < 0)
			log_warn("%s", e.msg);
	}
}

/* Make the directory @work, which is this verify's as long as the fd is open. */
static int make_work(int state_fd, char *work, struct err *e)
{
	/* between its making and its lock it would be swept */
	_cleanup_close_ int lock =
		lock_take(state_fd, WORK "lock", LOCK_EXCLUSIVE, true, e);
	_cleanup_close_ int fd = -1;

	if (lock < 0)
		return lock;
	sweep(state_fd);
	if (mkdtemp(work))
		fd = open(work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(e, -errno, "create '%s'", work);
	return TAKE_FD(fd);
}

int verify(const struct root *root, const struct settings *s, const char *state,
	   const struct verify_spec *spec, struct verify_result *out, struct err *e)
{
	_cleanup_free_ char *work = xasprintf("%s/" WORK "XXXXXX", state), *epoch = NULL;
	_cleanup_close_ int state_fd = -1, work_fd = -1;
	struct stat st;
	int r;

	*out = (struct verify_result){ 0 };
	if (stat(spec->tree, &st) < 0)
		return err_set(e, -errno, "open the tree '%s'", spec->tree);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "build copies of '%s'", spec->tree);
	epoch = xasprintf("%lld", (long long)st.st_mtime);
	state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_fd < 0)
		return err_set(e, -errno, "open '%s'", state);
	work_fd = make_work(state_fd, work, e);
	if (work_fd < 0)
		return work_fd;
	r = build_and_compare(root, s, state, spec, work, epoch, out, e);
	if (r < 0)
		beneath_rmtree(state_fd, path_base(work), NULL);
	else
		r = beneath_rmtree(state_fd, path_base(work), e);
	return r;
}
