// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "os/fdio.h"

enum {
	PAUSE_FIRST = 500, /* milliseconds; doubled each time */
	PAUSE_MOST = 30000,
	GAIN = 64 << 10,   /* bytes that make a failed try one that was worth it */
	TRIES_MOST = 200,  /* whatever they gained */
	SPEED_LEAST = 512, /* bytes a second */
};

struct transfer {
	const struct fetch *f;
	CURL *curl;
	int fd;
	uint64_t done;	/* bytes in the file */
	uint64_t start; /* of the range that was asked for */
	bool begun;	/* the body of this answer */
	int disk;	/* -errno of a write */
	char wrong[160]; /* what is wrong with the answer, for good */
	char *version;	/* ETag or date of what the file holds; NULL: none was told */
	char *etag, *date; /* of this answer */
	uint64_t range_start, range_total;
	bool has_range;
	struct {
		uint64_t shown, since, bytes, rate; /* milliseconds, bytes */
	} pace;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void show(struct transfer *t, bool last)
{
	uint64_t now = now_ms(), took = now - t->pace.since;

	if (!t->f->progress || (!last && now - t->pace.shown < 100))
		return;
	if (took >= 1000 || last) {
		uint64_t rate = took ? (t->done - t->pace.bytes) * 1000 / took : 0;

		/* smoothed: what is left is guessed from it */
		t->pace.rate = t->pace.rate ? (t->pace.rate * 2 + rate) / 3 : rate;
		t->pace.since = now;
		t->pace.bytes = t->done;
	}
	t->pace.shown = now;
	t->f->progress->fn(t->f->progress->arg, t->done, t->f->size, t->pace.rate);
}

/* The value of the header line when it is @name's; the caller frees it. */
static char *header_value(const char *line, size_t n, const char *name)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) || line[k] != ':')
		return NULL;
	for (k++; k < n && (line[k] == ' ' || line[k] == '\t'); k++)
		;
	while (n > k && strchr("\r\n \t", line[n - 1]))
		n--;
	return xstrndup(line + k, n - k);
}

static void set_value(char **field, char *value)
{
	if (!value)
		return;
	free(*field);
	*field = value;
}

static void forget_answer(struct transfer *t)
{
	free(t->etag);
	free(t->date);
	t->etag = t->date = NULL;
	t->has_range = t->begun = false;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	char *range;

	n *= size;
	/* of the answers on the way only the last counts */
	if (n > 5 && !memcmp(line, "HTTP/", 5))
		forget_answer(t);
	set_value(&t->etag, header_value(line, n, "ETag"));
	set_value(&t->date, header_value(line, n, "Last-Modified"));
	range = header_value(line, n, "Content-Range");
	if (range)
		t->has_range = sscanf(range, "bytes %" SCNu64 "-%*u/%" SCNu64,
				      &t->range_start, &t->range_total) == 2;
	free(range);
	return n;
}

static bool wrong(struct transfer *t, const char *text)
{
	snprintf(t->wrong, sizeof(t->wrong), "%s", text);
	return false;
}

/* From the start again: this is not what the file has the beginning of. */
static bool start_anew(struct transfer *t)
{
	t->start = t->done = t->pace.bytes = 0;
	free(t->version);
	t->version = NULL;
	if (ftruncate(t->fd, 0) == 0)
		return true;
	t->disk = -errno;
	return false;
}

/* The first bytes of an answer: is it the answer to what was asked? */
static bool begin(struct transfer *t)
{
	curl_off_t length = -1;
	long status = 0;

	t->begun = true;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status == 206 && (!t->has_range || t->range_start != t->start))
		return wrong(t, "the server sends another part than was asked for");
	if (status == 206 && t->f->size && t->range_total != t->f->size)
		return wrong(t, "the server has a file of another size");
	if (status == 200 && t->start && !start_anew(t))
		return false;
	if (t->f->size && length >= 0 && t->start + (uint64_t)length != t->f->size)
		return wrong(t, "the server has a file of another size");
	if (!t->version && (t->etag || t->date)) {
		/* a weak ETag does not speak of bytes */
		bool weak = t->etag && !strncmp(t->etag, "W/", 2);

		t->version = t->etag && !weak ? xstrdup(t->etag) :
			     t->date	      ? xstrdup(t->date) :
						NULL;
	}
	return true;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (!t->begun && !begin(t))
		return 0;
	if (t->done + n > (t->f->size ? t->f->size : t->f->max)) {
		wrong(t, "the server sends more than there should be");
		return 0;
	}
	if (lseek(t->fd, (off_t)t->done, SEEK_SET) < 0)
		t->disk = -errno;
	else
		t->disk = fdio_write_all(t->fd, data, n);
	if (t->disk < 0)
		return 0;
	t->done += n;
	show(t, false);
	return n;
}

static int on_wait(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		   curl_off_t ulnow)
{
	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	show(arg, false);
	return 0;
}

static void set_options(struct transfer *t, char *why)
{
	const struct fetch *f = t->f;
	bool safe = !strncasecmp(f->url, "https:", 6);
	CURL *c = t->curl;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http,file");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "https,http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "crossroot/" VERSION);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)f->timeout);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)f->timeout);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SPEED_LEAST);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_wait);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

/* One request for what is still missing. */
static CURLcode request(struct transfer *t, char why[CURL_ERROR_SIZE])
{
	struct curl_slist *headers = NULL;
	char range[32];
	CURLcode code;

	*why = '\0';
	t->wrong[0] = '\0';
	t->disk = 0;
	t->start = t->done;
	forget_answer(t);
	set_options(t, why);
	if (t->start) {
		snprintf(range, sizeof(range), "%" PRIu64 "-", t->start);
		curl_easy_setopt(t->curl, CURLOPT_RANGE, range);
	}
	if (t->start && t->version) {
		char *line = xasprintf("If-Range: %s", t->version);

		headers = curl_slist_append(NULL, line);
		free(line);
		curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
	}
	code = curl_easy_perform(t->curl);
	curl_slist_free_all(headers);
	return code;
}

/* Whether another try can have another end. */
static bool transient(CURLcode code, long status)
{
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		return status >= 500 || status == 408 || status == 425 || status == 429;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_FILE_COULDNT_READ_FILE:
	case CURLE_WRITE_ERROR:
	case CURLE_OUT_OF_MEMORY:
		return false;
	default:
		return true;
	}
}

/* What the end of a request means: 0, or the error; *@again where it may be tried. */
static int judge(struct transfer *t, CURLcode code, const char *why, bool *again,
		 struct err *e)
{
	const char *url = t->f->url;
	long status = 0;

	*again = false;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->disk < 0)
		return err_set(e, t->disk, "write what comes from '%s'", url);
	if (*t->wrong)
		return err_set(e, -ERR_FETCH, "fetch '%s': %s", url, t->wrong);
	if (code == CURLE_OK && !t->begun && status == 200 && t->start && !start_anew(t))
		return err_set(e, t->disk, "write what comes from '%s'", url);
	if (code == CURLE_OK && (!t->f->size || t->done == t->f->size))
		return 0;
	*again = code == CURLE_OK || transient(code, status);
	if (code == CURLE_OK)
		return err_set(e, -ERR_FETCH, "fetch '%s': it ends after %" PRIu64
			       " of %" PRIu64 " bytes", url, t->done, t->f->size);
	/* what we have is no beginning of what is there */
	if (t->start && (status == 416 || code == CURLE_BAD_DOWNLOAD_RESUME ||
			 code == CURLE_RANGE_ERROR)) {
		if (!start_anew(t))
			return err_set(e, t->disk, "write what comes from '%s'", url);
		*again = true;
	}
	if (code == CURLE_FILE_COULDNT_READ_FILE || status == 404 || status == 410)
		return err_set(e, -ERR_MISSING, "fetch '%s': there is no such file", url);
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return err_set(e, -ERR_FETCH, "fetch '%s': the server answers %ld", url,
			       status);
	return err_set(e, -ERR_FETCH, "fetch '%s': %s", url,
		       *why ? why : curl_easy_strerror(code));
}

/* Doubled each time; at random, so that many clients do not come back at once. */
static void pause_after(unsigned failures)
{
	uint64_t most = PAUSE_FIRST, any = 0;

	while (--failures && most < PAUSE_MOST)
		most *= 2;
	if (most > PAUSE_MOST)
		most = PAUSE_MOST;
	if (getrandom(&any, sizeof(any), 0) < 0)
		any = 0;
	most = most / 2 + any % (most / 2);

	struct timespec t = { (time_t)(most / 1000), (long)(most % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static int try_again_and_again(struct transfer *t, struct err *e)
{
	unsigned failures = 0, all = 0;
	uint64_t best = t->done;

	for (;;) {
		char why[CURL_ERROR_SIZE];
		bool again;
		int r = judge(t, request(t, why), why, &again, e);

		if (!again)
			return r;
		if (t->done >= best + GAIN) {
			best = t->done;
			failures = 0;
		}
		if (++failures >= t->f->tries || ++all >= TRIES_MOST) {
			if (failures > 1)
				err_hint(e, "it was tried %u times; what came is kept",
					 failures);
			return r;
		}
		log_info("%s; trying again", e->msg);
		pause_after(failures);
	}
}

int fetch_into(const struct fetch *f, int fd, struct err *e)
{
	static bool ready;
	struct transfer t = { .f = f, .fd = fd };
	struct stat st;
	int r;

	if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, -ERR_FETCH, "libcurl cannot be used");
	ready = true;
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "look at what came of '%s'", f->url);
	t.done = t.pace.bytes = (uint64_t)st.st_size;
	if (f->size && t.done > f->size && !start_anew(&t))
		return err_set(e, t.disk, "write what comes from '%s'", f->url);
	if (f->size && t.done == f->size)
		return 0;
	t.curl = curl_easy_init();
	if (!t.curl)
		return err_set(e, -ERR_FETCH, "libcurl cannot be used");
	t.pace.since = now_ms();
	r = try_again_and_again(&t, e);
	if (!r)
		show(&t, true);
	curl_easy_cleanup(t.curl);
	forget_answer(&t);
	free(t.version);
	return r;
}
