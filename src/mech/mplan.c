// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/mplan.h"

#include <stdlib.h>

#include "base/buf.h"

static void add(struct mplan *p, enum mop_kind kind, const char *src, const char *dst,
		bool optional)
{
	xgrow(&p->ops, &p->cap, p->n, sizeof(*p->ops));
	p->ops[p->n++] = (struct mop){
		.kind = kind,
		.src = xstrdup(src ? src : ""),
		.dst = xstrdup(dst),
		.optional = optional,
	};
}

void mplan_add(struct mplan *p, enum mop_kind kind, const char *src, const char *dst)
{
	add(p, kind, src, dst, false);
}

void mplan_add_optional(struct mplan *p, enum mop_kind kind, const char *src,
			const char *dst)
{
	add(p, kind, src, dst, true);
}

void mplan_free(struct mplan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].src);
		free(p->ops[i].dst);
	}
	free(p->ops);
	*p = (struct mplan){ 0 };
}

const char *mop_name(enum mop_kind kind)
{
	static const char *const names[] = {
		[MOP_BIND] = "bind",	   [MOP_BIND_RO] = "bind-ro",
		[MOP_ROOT_BIND] = "rbind", [MOP_ROOT_BIND_RO] = "rbind-ro",
		[MOP_TMPFS] = "tmpfs",	   [MOP_PROC] = "proc",
		[MOP_DEVPTS] = "devpts",   [MOP_MQUEUE] = "mqueue",
		[MOP_DIR] = "dir",	   [MOP_SYMLINK] = "symlink",
		[MOP_FILE] = "file",	   [MOP_SCRIPT] = "script",
	};

	return names[kind];
}
