// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/portage.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"

#define SCRIPTS "/usr/lib/python-exec"
#define SCRIPT_LIMIT (1 << 20)
#define HOME "/run/crossroot/"

/* "pythonX.Y" of a first line "#!/usr/bin/pythonX.Y ARGS", NULL of any other. */
static char *interpreter(const char *script)
{
	static const char python[] = "#!/usr/bin/python";
	size_t n = strlen(python);

	if (strncmp(script, python, n))
		return NULL;
	while (isdigit((unsigned char)script[n]) || script[n] == '.')
		n++;
	if (n == strlen(python) || !isspace((unsigned char)script[n]))
		return NULL;
	return xstrndup(script + strlen("#!/usr/bin/"), n - strlen("#!/usr/bin/"));
}

/* Another patch release reads the same code: it is only noted. */
static void check_version(struct candidate *c, const char *python, const struct side *root,
			  const struct side *native_root)
{
	_cleanup_free_ char *ours = xasprintf("/usr/bin/%s", python), *real = NULL;
	_cleanup_free_ char *lib = xasprintf("/usr/lib/%s/os.py", python);
	const struct pkg *here, *there;
	struct stat st;

	if (!c->native || beneath_stat(native_root->fd, lib, &st) < 0) {
		candidate_refuse(c, "the native root has no %s", python);
		return;
	}
	if (beneath_realpath(root->fd, ours, &real) < 0)
		return;
	here = pkgdb_owner(root->db, real);
	there = native_root->db ? pkgdb_owner(native_root->db, c->native) : NULL;
	if (here && there && strcmp(here->version, there->version))
		c->note = xasprintf("runs on %s %s, %s in the native root", here->name,
				    here->version, there->version);
}

static void add(struct candidates *l, const struct side *root,
		const struct side *native_root, const char *path)
{
	const struct pkg *owner = pkgdb_owner(root->db, path);
	_cleanup_free_ char *script = NULL, *python = NULL, *native = NULL;
	struct candidate *c;
	size_t skip;

	if (!owner || strcmp(owner->name, "sys-apps/portage") ||
	    beneath_read(root->fd, path, SCRIPT_LIMIT, &script, NULL, NULL) < 0)
		return;
	python = interpreter(script);
	if (!python)
		return;
	native = xasprintf("/usr/bin/%s", python);
	c = candidate_add(l, root, native_root, path, native, TIER_TOOLS);
	if (!c)
		return;
	skip = strlen("#!/usr/bin/") + strlen(python);
	c->kind = CANDIDATE_SCRIPT;
	c->package = xasprintf("%s %s", owner->name, owner->version);
	/* it packs the files that it finds: those may not be twins */
	if (!strcmp(path_base(path), "quickpkg"))
		c->conf = xasprintf("#!" HOME "originals " HOME "%s/bin/%s%s", python, python,
				    strchrnul(script, '\n'));
	else
		c->conf = xasprintf("#!" HOME "%s/bin/%s%s", python, python, script + skip);
	check_version(c, python, root, native_root);
}

void portage_find(struct candidates *l, const struct side *root,
		  const struct side *native_root)
{
	_cleanup_strv_ struct strv versions = { 0 };

	if (!root->db || beneath_list(root->fd, SCRIPTS, &versions) < 0)
		return;
	for (size_t v = 0; v < versions.n; v++) {
		_cleanup_free_ char *dir = path_join(SCRIPTS, versions.v[v]);
		_cleanup_strv_ struct strv names = { 0 };

		beneath_list(root->fd, dir, &names);
		for (size_t i = 0; i < names.n; i++) {
			_cleanup_free_ char *path = path_join(dir, names.v[i]);

			add(l, root, native_root, path);
		}
	}
}

/* "pythonX.Y" of @c, as its directory is called. */
static char *version_of(const struct candidate *c)
{
	_cleanup_free_ char *dir = path_dir(c->path);

	return xstrdup(path_base(dir));
}

int portage_closure(const struct candidate *c, int native_fd, struct closure *closure,
		    struct err *e)
{
	_cleanup_free_ char *python = version_of(c);
	_cleanup_free_ char *dir = xasprintf("/usr/lib/%s/lib-dynload", python);
	_cleanup_strv_ struct strv modules = { 0 };
	int r = closure_add(closure, c->native, e);

	if (r < 0 || beneath_list(native_fd, dir, &modules) < 0)
		return r;
	for (size_t i = 0; i < modules.n; i++) {
		_cleanup_free_ char *path = path_join(dir, modules.v[i]);

		/* one without its library cannot be imported there either */
		closure_add(closure, path, NULL);
	}
	return 0;
}

char *portage_python(const struct candidate *c)
{
	_cleanup_free_ char *python = version_of(c);

	return xasprintf(HOME "%s/bin/%s", python, python);
}

void portage_python_mounts(const struct candidate *c, const char *native_root,
			   const char *machine, struct mplan *m)
{
	/*
	 * Portage asks what machine this is by os.uname(). Telling it here costs
	 * nothing and reaches native Python only; a seccomp listener would cost
	 * every program of the run a process that watches it.
	 */
	static const char module[] =
		"import os, site\n"
		"def uname(real=os.uname):\n"
		"    return os.uname_result(tuple(real())[:4] + ('%s',))\n"
		"os.uname = uname\n"
		"site.addsitedir('/usr/lib/%s/site-packages')\n";
	_cleanup_free_ char *python = version_of(c);
	_cleanup_free_ char *home = xasprintf(HOME "%s", python);
	_cleanup_free_ char *exe = path_join(native_root, c->native);
	_cleanup_free_ char *lib = xasprintf("%s/usr/lib/%s", native_root, python);
	_cleanup_free_ char *site = xasprintf("%s/lib/%s/site-packages", home, python);
	_cleanup_free_ char *cfg = xasprintf("home = %s/base/bin\n"
					     "include-system-site-packages = false\n", home);
	_cleanup_free_ char *text = xasprintf(module, machine, python);
	const struct {
		enum mop_kind kind;
		const char *src, *dir, *sub, *name;
	} ops[] = {
		/* no symlink: Portage hands its helpers what that leads to */
		{ MOP_BIND_RO, exe, home, "/bin/", python },
		{ MOP_BIND_RO, exe, home, "/base/bin/", python },
		{ MOP_BIND_RO, lib, home, "/base/lib/", python },
		{ MOP_FILE, cfg, home, "/", "pyvenv.cfg" },
		{ MOP_FILE, text, site, "/", "crossroot_target.py" },
		{ MOP_FILE, "import crossroot_target\n", site, "/", "crossroot.pth" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		_cleanup_free_ char *dst =
			xasprintf("%s%s%s", ops[i].dir, ops[i].sub, ops[i].name);

		mplan_add(m, ops[i].kind, ops[i].src, dst);
	}
}
