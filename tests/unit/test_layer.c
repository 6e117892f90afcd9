// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <elf.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/path.h"
#include "core/closure.h"
#include "core/layer.h"
#include "core/patch.h"
#include "mech/arch.h"
#include "mech/elf.h"
#include "mech/ldcache.h"
#include "mech/mapply.h"
#include "mech/ns.h"
#include "os/proc.h"

static void read_elf(const char *path, struct elf_info *info)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(elf_read(fd, path, info, NULL), 0);
}

static void test_elf(void **state)
{
	struct elf_info info;

	(void)state;
	read_elf("/bin/bash", &info);
	assert_ptr_equal(arch_by_elf(info.class, info.data, info.machine), arch_host());
	assert_non_null(info.interp);
	assert_true(strv_has(&info.needed, "libc.so.6"));
	elf_info_free(&info);
	read_elf(info.interp ? info.interp : "/lib64/ld-linux-x86-64.so.2", &info);
	assert_null(info.interp);
	assert_non_null(info.soname);
	elf_info_free(&info);
}

/* Every prefix of a real program: an error or not, never a crash. */
static void test_cut_elf(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t n;

	(void)state;
	assert_int_equal(fdio_read_file(AT_FDCWD, "/bin/true", 1 << 20, &data, &n, NULL), 0);
	for (size_t len = 0; len < n; len = len < 4096 ? len + 13 : len + 1001) {
		_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC);
		struct elf_info info;

		assert_int_equal(fdio_write_all(fd, data, len), 0);
		if (!elf_read(fd, "cut", &info, NULL))
			elf_info_free(&info);
	}
}

static int count(void *arg, const struct ldcache_entry *ent)
{
	size_t *n = arg;

	assert_true(*ent->soname && *ent->path == '/');
	++*n;
	return 0;
}

static void test_ldcache(void **state)
{
	_cleanup_free_ char *data = NULL, *list = NULL;
	size_t len, n = 0, lines = 0;

	(void)state;
	if (access("/etc/ld.so.cache", R_OK) < 0)
		skip();
	assert_int_equal(fdio_read_file(AT_FDCWD, "/etc/ld.so.cache", 1 << 26, &data, &len,
					NULL), 0);
	assert_int_equal(ldcache_parse(data, len, count, &n, NULL), 0);
	assert_int_equal(proc_run((char *[]){ "/sbin/ldconfig", "-p", NULL }, NULL, &list,
				  1 << 24, NULL), 0);
	for (char *p = list; (p = strstr(p, " => ")); p++)
		lines++;
	assert_int_equal(n, lines);
	for (size_t cut = 0; cut < len; cut = cut < 4096 ? cut + 7 : cut + 4001) {
		/* exactly as long as it says, so that a sanitizer sees a read behind it */
		_cleanup_free_ char *part = xmalloc(cut ? cut : 1);
		size_t m = 0;

		memcpy(part, data, cut);
		assert_true(ldcache_parse(part, cut, count, &m, NULL) <= 0);
	}
}

static void test_patch(void **state)
{
	static const char text[] = "x\0/usr/lib/gconv\0/usr/lib/gconv/m\0y/usr/lib/gconv\0";
	char *dir = make_dir();
	_cleanup_close_ int fd = open_dir(dir);
	_cleanup_free_ char *to = patch_pad("/run/g", 14), *data = NULL;
	size_t n;

	(void)state;
	assert_string_equal(to, "/run/////////g");
	assert_null(patch_pad("/run/g", 5));
	assert_int_equal(fdio_publish(fd, "f", text, sizeof(text), 0644, NULL), 0);
	assert_int_equal(patch_file(fd, "f", "/etc/none", "/etc/none", PATCH_ONCE, NULL),
			 -ENOENT);
	assert_int_equal(patch_file(fd, "f", "/usr/lib/gconv", to, PATCH_PREFIX, NULL), 0);
	assert_int_equal(fdio_read_file(fd, "f", 4096, &data, &n, NULL), 0);
	assert_int_equal(n, sizeof(text));
	assert_memory_equal(data, "x\0/run/////////g\0/run/////////g/m\0y/usr/lib/gconv\0", n);
	assert_int_equal(fdio_publish(fd, "g", "a\0a\0", 4, 0644, NULL), 0);
	assert_int_equal(patch_file(fd, "g", "a", "b", PATCH_ONCE, NULL), -ERR_FORMAT);
	remove_dir(dir);
}

static void test_closure(void **state)
{
	_cleanup_close_ int fd = open_dir("/");
	struct closure *c = closure_new(fd, NULL);
	const struct closure_lib *libs;
	struct err e;
	size_t n, m;

	(void)state;
	assert_non_null(c);
	assert_int_equal(closure_add(c, "/bin/bash", NULL), 0);
	libs = closure_libs(c, &n);
	assert_true(n >= 2);
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(libs[i - 1].soname, libs[i].soname) < 0);
	assert_non_null(closure_loader(c));
	assert_true(closure_add(c, "/etc/passwd", &e) < 0);
	assert_true(closure_add(c, "/nonexistent", &e) < 0);
	closure_libs(c, &m);
	assert_int_equal(n, m);
	closure_free(c);
}

/* A root whose library directories hold what a foreign one's would. */
struct foreign {
	char *tree;
	struct layer layer;
	int out;
};

static int in_foreign(void *arg)
{
	static const char script[] =
		"set -e; printf 'caf\\351\\n' | iconv -f latin1 -t UTF-8; "
		"printf '\\260\\241\\n' | iconv -f EUC-KR -t UTF-8; echo ${x:-ok}";
	struct foreign *f = arg;
	_cleanup_close_ int fd = mapply_root(f->tree, NULL);
	struct mplan p = { 0 };

	mplan_add(&p, MOP_TMPFS, "mode=755", "/run");
	layer_mounts(&f->layer, "", &p);
	mplan_add(&p, MOP_BIND_RO, "/bin/bash", "/bin/bash");
	mplan_add(&p, MOP_BIND_RO, "/usr/bin/iconv", "/bin/iconv");
	if (fd < 0 || mapply_run(fd, &p, NULL) || mapply_pivot(fd, NULL) ||
	    dup2(f->out, STDOUT_FILENO) < 0)
		return 99;
	execle("/bin/bash", "bash", "-c", script, (char *)NULL,
	       (char *[]){ "PATH=/bin", NULL });
	return 98;
}

/* A copy of libc that says it is for another machine. */
static void write_foreign(int dirfd, const char *name)
{
	_cleanup_free_ char *data = NULL;
	static const uint16_t machine = EM_AARCH64;
	size_t n;

	assert_int_equal(fdio_read_file(AT_FDCWD, "/bin/true", 1 << 24, &data, &n, NULL), 0);
	memcpy(data + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
	assert_int_equal(fdio_publish(dirfd, name, data, n, 0755, NULL), 0);
}

static void add_libs(int tree, const char *dir, const struct closure *c)
{
	_cleanup_close_ int fd = -1;
	const struct closure_lib *libs;
	size_t n;

	assert_int_equal(fdio_mkdirs(tree, dir, 0755, NULL), 0);
	fd = openat(tree, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	libs = closure_libs(c, &n);
	for (size_t i = 0; i < n; i++)
		write_foreign(fd, libs[i].soname);
}

static void test_foreign_root(void **state)
{
	char *dir = make_dir(), buf[256] = { 0 };
	_cleanup_close_ int fd = open_dir(dir), root = open_dir("/"), tree = -1;
	_cleanup_free_ char *layers = path_join(dir, "layers"), *treedir = path_join(dir, "t");
	struct closure *c = closure_new(root, NULL);
	struct foreign f = { .tree = treedir };
	struct strv keep = { 0 };
	struct layer again;
	int fds[2], status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		closure_free(c);
		remove_dir(dir);
		skip();
	}
	assert_int_equal(closure_add(c, "/bin/bash", NULL), 0);
	assert_int_equal(closure_add(c, "/usr/bin/iconv", NULL), 0);
	assert_int_equal(layer_ensure(layers, "/", c, &f.layer, NULL), 0);

	assert_int_equal(fdio_mkdirs(fd, "t/bin", 0755, NULL), 0);
	tree = openat(fd, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fdio_mkdirs(tree, "run", 0755, NULL), 0);
	add_libs(tree, "lib64", c);
	add_libs(tree, "usr/lib64", c);
	add_libs(tree, "usr/lib/x86_64-linux-gnu", c);
	write_file(tree, "etc/ld.so.cache", "what the target's ldconfig wrote");
	write_file(tree, "usr/lib/x86_64-linux-gnu/gconv/gconv-modules", "module X// Y// Z 1");

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	f.out = fds[1];
	pid = ns_start(in_foreign, &f, NULL);
	assert_true(pid > 0);
	close(fds[1]);
	for (size_t n = 0; n < sizeof(buf) - 1;) {
		ssize_t r = read(fds[0], buf + n, sizeof(buf) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(buf, "caf\303\251\n\352\260\200\nok\n");

	/* the same again is found, not built; a held one is not pruned */
	assert_int_equal(layer_open(layers, f.layer.key, &again, NULL), 0);
	assert_string_equal(again.loader, f.layer.loader);
	assert_int_equal(layer_prune(layers, &keep, NULL), 0);
	assert_int_equal(access(again.dir, F_OK), 0);
	layer_close(&again);
	_cleanup_free_ char *gone = xstrdup(f.layer.dir), *key = xstrdup(f.layer.key);

	layer_close(&f.layer);
	strv_add(&keep, key);
	assert_int_equal(layer_prune(layers, &keep, NULL), 0);
	assert_int_equal(access(gone, F_OK), 0);
	strv_free(&keep);
	assert_int_equal(layer_prune(layers, &keep, NULL), 0);
	assert_int_equal(access(gone, F_OK), -1);
	closure_free(c);
	remove_dir(dir);
}

/* A layer is only as good as the files it was copied from. */
static void test_changed_source(void **state)
{
	char *dir = make_dir();
	_cleanup_close_ int fd = open_dir(dir), native = -1;
	_cleanup_free_ char *layers = path_join(dir, "layers"), *nat = path_join(dir, "n");
	_cleanup_close_ int root = open_dir("/");
	struct closure *c = closure_new(root, NULL);
	const struct closure_lib *libs;
	struct err e = { 0 };
	struct layer l;
	size_t n;

	(void)state;
	if (geteuid() != 0) {
		closure_free(c);
		remove_dir(dir);
		skip();
	}
	assert_int_equal(closure_add(c, "/bin/bash", NULL), 0);
	libs = closure_libs(c, &n);
	assert_int_equal(fdio_mkdirs(fd, "n/usr/lib/x86_64-linux-gnu/gconv", 0755, NULL), 0);
	assert_int_equal(fdio_mkdirs(fd, "n/sbin", 0755, NULL), 0);
	native = openat(fd, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < n + 3; i++) {
		const char *more[] = { closure_loader(c), "/bin/bash", "/sbin/ldconfig" };
		const char *path = i < n ? libs[i].path : more[i - n];
		/* by the name it is asked for: a library's path is where links lead */
		_cleanup_free_ char *dir_of = path_dir(path);
		_cleanup_free_ char *parent = path_join(nat, dir_of);
		_cleanup_free_ char *to = path_join(parent, i < n ? libs[i].soname :
							    path_base(path));

		assert_int_equal(fdio_mkdirs(AT_FDCWD, parent, 0755, NULL), 0);
		assert_int_equal(proc_run((char *[]){ "cp", "-pL", (char *)path, to, NULL },
					  NULL, NULL, 0, NULL), 0);
	}
	closure_free(c);
	c = closure_new(native, NULL);
	assert_int_equal(closure_add(c, "/bin/bash", NULL), 0);
	assert_int_equal(layer_ensure(layers, nat, c, &l, &e), 0);
	/* there is no cache of conversions to point elsewhere, which is no error */
	assert_string_equal(e.msg, "");
	_cleanup_free_ char *key = xstrdup(l.key);

	layer_close(&l);
	assert_int_equal(layer_open(layers, key, &l, NULL), 0);
	layer_close(&l);
	libs = closure_libs(c, &n);
	_cleanup_free_ char *lib = path_join(nat, libs[0].path);

	assert_int_equal(utimensat(AT_FDCWD, lib, NULL, 0), 0);
	assert_int_equal(layer_open(layers, key, &l, NULL), -ERR_STATE);
	closure_free(c);
	remove_dir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),	     cmocka_unit_test(test_cut_elf),
		cmocka_unit_test(test_ldcache),	     cmocka_unit_test(test_patch),
		cmocka_unit_test(test_closure),	     cmocka_unit_test(test_foreign_root),
		cmocka_unit_test(test_changed_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
