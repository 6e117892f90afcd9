// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits.h>

#include "core/export.h"
#include "mech/archive_write.h"
#include "mech/digest.h"
#include "os/partial.h"
#include "os/tree.h"

/* What every format is given. */
struct export_job {
	const struct root *root;
	const struct export_spec *spec;
	struct strv left_out; /* paths from the top */
	bool layer;	      /* the tree is to be a layer of an OCI image */
};

bool export_left_out(const struct export_job *job, const char *path);

/* What stat(2) does not know of a file. */
struct facts {
	struct buf names, values;    /* of the attributes */
	struct archive_attr *attrs;  /* sorted */
	struct archive_extent *data; /* what is no hole */
	size_t nattrs, attrs_cap, ndata, data_cap;
	char link[PATH_MAX];
	char *hardlink;
};

/* Read those of @f's extended attributes that are the root's own: 0 or -errno. */
int facts_attrs(struct facts *facts, const struct tree_file *f);

/* Where the file @fd has data: 1 if there are holes, 0 if there are none, or -errno. */
int facts_extents(struct facts *facts, int fd, const struct stat *st);

/* Open the regular file @f, made sure that it is the one that was seen. */
int export_open(const struct tree_file *f, struct err *e);

/* @st with no mtime later than the epoch. */
struct stat export_settled(const struct export_job *job, const struct stat *st);

void facts_free(struct facts *facts);

/* A file that is written in order, and what becomes known of it on the way. */
struct export_out {
	int fd;
	const char *name; /* for messages */
	/* of the bytes before and after compression, or NULL */
	struct digest *plain, *packed;
	uint64_t bytes;
};

/* Write to it; the hint is filled where the disk is full. */
int export_write(struct export_out *to, const void *data, size_t n, struct err *e);

/* The root as a tar file. */
int export_tar(const struct export_job *job, enum archive_pack pack, struct export_out *to,
	       struct err *e);

/* The directory @dirfd as a plain tar file: owners 0 and no times but the epoch. */
int export_tar_dir(const struct export_job *job, int dirfd, struct export_out *to,
		   struct err *e);

/* The root as a file system image, by that file system's own tool. */
int export_image(const struct export_job *job, struct partial *to, struct err *e);

/* The root as an OCI image layout in the empty directory @dirfd. */
int export_oci(const struct export_job *job, int dirfd, struct err *e);

/*
 * What ARM ("v5" to "v8") the programs of a little-endian ARM root are for, in the words
 * of OCI images; NULL: they do not say it. The other is of the @n bytes of one's section
 * .ARM.attributes.
 */
const char *export_arm_variant(int tree_fd);
const char *export_arm_attributes(const void *data, size_t n);
