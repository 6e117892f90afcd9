// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "mech/armor.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/proc.h"

#define KEYRING_LIMIT (16 << 20)
#define SIGNED_LIMIT (4 << 20)
#define PREFIX "[GNUPG:] "

/* What gpgv says, a keyword a line: doc/DETAILS of GnuPG. */
struct said {
	unsigned begun, good, valid, plain;
	bool weak, odd;
	const char *bad; /* the first that is not good, in words */
	char bad_key[SIGNATURE_KEY_SIZE];
	char key[SIGNATURE_KEY_SIZE];
};

static const struct {
	const char *word, *text;
} bad_words[] = {
	{ "BADSIG", "is not a signature of this text" },
	{ "EXPSIG", "has expired" },
	{ "EXPKEYSIG", "is by a key that has expired" },
	{ "REVKEYSIG", "is by a key that was revoked" },
	{ "ERRSIG", "cannot be checked" },
};

/* Field @nr of a line, which this cuts into fields. */
static void copy_field(char out[SIGNATURE_KEY_SIZE], const struct strv *fields, size_t nr)
{
	const char *from = nr < fields->n ? fields->v[nr] : "";
	size_t n = strspn(from, "0123456789ABCDEFabcdef");

	if (n >= SIGNATURE_KEY_SIZE)
		n = SIGNATURE_KEY_SIZE - 1;
	memcpy(out, from, n);
	out[n] = '\0';
}

static void hear_bad(struct said *s, const char *text, const struct strv *fields)
{
	if (s->bad)
		return;
	s->bad = text;
	/* ERRSIG keyid algorithm hash class time rc: 9 is a key that is not there */
	if (!strcmp(fields->v[0], "ERRSIG") && fields->n > 6 && !strcmp(fields->v[6], "9"))
		s->bad = "is by a key that is not in the keyring";
	copy_field(s->bad_key, fields, 1);
}

/* MD5, SHA-1, RIPEMD-160, by their numbers; 11 is none of them. */
static bool is_weak(const char *hash)
{
	return !strcmp(hash, "1") || !strcmp(hash, "2") || !strcmp(hash, "3");
}

static void hear(struct said *s, const char *line)
{
	_cleanup_strv_ struct strv f = { 0 };

	if (strncmp(line, PREFIX, strlen(PREFIX))) {
		s->odd = true;
		return;
	}
	strv_split(&f, line + strlen(PREFIX), " ");
	if (!f.n)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bad_words); i++)
		if (!strcmp(f.v[0], bad_words[i].word))
			hear_bad(s, bad_words[i].text, &f);
	s->begun += !strcmp(f.v[0], "NEWSIG");
	s->good += !strcmp(f.v[0], "GOODSIG");
	s->plain += !strcmp(f.v[0], "PLAINTEXT");
	if (strcmp(f.v[0], "VALIDSIG"))
		return;
	/* fingerprint date time expires version reserved algorithm hash class primary */
	s->valid++;
	if (f.n < 11) {
		s->odd = true;
		return;
	}
	s->weak = s->weak || is_weak(f.v[8]);
	/* of a document, not of a key */
	s->odd = s->odd || (strcmp(f.v[9], "00") && strcmp(f.v[9], "01"));
	copy_field(s->key, &f, 10);
}

/* @messages is how many plaintexts there have to be. */
static int judge(const struct said *s, const char *name, int status, unsigned messages,
		 struct err *e)
{
	if (s->bad)
		return err_set(e, -ERR_VERIFY, "the signature of '%s' %s (%s)", name,
			       s->bad, s->bad_key);
	if (!s->begun && !s->valid)
		return err_set(e, -ERR_VERIFY, "'%s' is not signed", name);
	if (s->weak)
		return err_set(e, -ERR_VERIFY, "the signature of '%s' is of a broken digest",
			       name);
	if (status || s->odd || s->good != s->begun || s->valid != s->begun ||
	    s->plain != messages || !*s->key)
		return err_set(e, -ERR_VERIFY, "the signature of '%s' is not understood",
			       name);
	return 0;
}

/* gpgv takes no armored keyring. */
static int put_keyring(const char *keyring, int dir, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_buf_ struct buf keys = { 0 };
	size_t n;
	int r = fdio_read_file(AT_FDCWD, keyring, KEYRING_LIMIT, &data, &n, e);

	if (r < 0) {
		err_wrap(e, "the keyring of the stages' signatures");
		return err_hint(e, "sec-keys/openpgp-keys-gentoo-release has Gentoo's; "
				   "'keyring = FILE' in crossroot.conf(5) names another");
	}
	if (armor_is(data, n))
		r = armor_decode(data, n, &keys, e);
	else
		buf_add(&keys, data, n);
	if (r < 0)
		return err_wrap(e, "the keyring '%s'", keyring);
	return fdio_publish(dir, "keyring", keys.data, keys.len, 0600, e);
}

static int run_gpgv(const char *dir, char *const *files, bool output, const char *name,
		    char key[SIGNATURE_KEY_SIZE], struct err *e)
{
	_cleanup_free_ char *keyring = path_join(dir, "keyring");
	_cleanup_free_ char *out = path_join(dir, "text"), *answer = NULL;
	_cleanup_strv_ struct strv argv = { 0 }, lines = { 0 };
	char *const env[] = { "LC_ALL=C", "PATH=/usr/bin:/bin", NULL };
	struct said said = { 0 };
	int status, r;

	strv_add(&argv, "gpgv");
	strv_add(&argv, "--homedir");
	strv_add(&argv, dir);
	strv_add(&argv, "--keyring");
	strv_add(&argv, keyring);
	strv_add(&argv, "--status-fd");
	strv_add(&argv, "1");
	if (output) {
		strv_add(&argv, "--output");
		strv_add(&argv, out);
	}
	strv_add(&argv, "--");
	for (; *files; files++)
		strv_add(&argv, *files);
	r = proc_ask(argv.v, env, &answer, SIGNED_LIMIT, &status, e);
	if (r == -ENOENT)
		err_hint(e, "install gpgv, a part of GnuPG");
	if (r < 0)
		return r;
	strv_split(&lines, answer, "\n");
	for (size_t i = 0; i < lines.n; i++)
		hear(&said, lines.v[i]);
	r = judge(&said, name, status, output ? 1 : 0, e);
	if (!r)
		memcpy(key, said.key, SIGNATURE_KEY_SIZE);
	return r;
}

/* A directory for one run of gpgv, with the keyring and @data as the file "signed". */
static int work_dir(const struct signature *s, const char *data, size_t n, char **dir,
		    int *fd, struct err *e)
{
	_cleanup_free_ char *path = path_join(s->work, ".gpgv-XXXXXX");
	int r;

	if (!mkdtemp(path))
		return err_set(e, -errno, "make a directory in '%s'", s->work);
	*dir = TAKE_PTR(path);
	*fd = open(*dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_set(e, -errno, "open directory '%s'", *dir);
	r = put_keyring(s->keyring, *fd, e);
	return r < 0 ? r : fdio_publish(*fd, "signed", data, n, 0600, e);
}

static void work_done(char *dir)
{
	if (dir)
		beneath_rmtree(AT_FDCWD, dir, NULL);
	free(dir);
}

int signature_clearsigned(const struct signature *s, const char *name, const char *text,
			  size_t n, char **out, size_t *len,
			  char key[SIGNATURE_KEY_SIZE], struct err *e)
{
	_cleanup_close_ int fd = -1;
	char *dir = NULL;
	int r = work_dir(s, text, n, &dir, &fd, e);

	if (!r) {
		_cleanup_free_ char *file = path_join(dir, "signed");

		r = run_gpgv(dir, (char *const[]){ file, NULL }, true, name, key, e);
	}
	if (!r)
		r = fdio_read_file(fd, "text", SIGNED_LIMIT, out, len, e);
	work_done(dir);
	return r;
}

int signature_detached(const struct signature *s, const char *name, const char *sig,
		       size_t n, const char *path, char key[SIGNATURE_KEY_SIZE],
		       struct err *e)
{
	_cleanup_close_ int fd = -1;
	char *dir = NULL;
	int r = work_dir(s, sig, n, &dir, &fd, e);

	if (!r) {
		_cleanup_free_ char *file = path_join(dir, "signed");

		r = run_gpgv(dir, (char *const[]){ file, (char *)path, NULL }, false, name,
			     key, e);
	}
	work_done(dir);
	return r;
}
