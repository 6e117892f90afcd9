// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

int progress_init(struct progress *p, const struct given *g, struct err *e)
{
	const char *how = given_get(g, "progress");

	*p = (struct progress){ 0 };
	if (!how)
		p->bar = isatty(STDERR_FILENO) && log_level() > LOG_QUIET;
	else if (!strcmp(how, "json"))
		p->json = true;
	else if (!strcmp(how, "bar"))
		p->bar = true;
	else if (strcmp(how, "none"))
		return err_set(e, -ERR_USAGE, "--progress: '%s' is none of bar, json and "
			       "none", how);
	return 0;
}

static void put_time(uint64_t s)
{
	if (s >= 3600)
		fprintf(stderr, "  %" PRIu64 ":%02u:%02u left", s / 3600,
			(unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		fprintf(stderr, "  %u:%02u left", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void put_bar(const char *what, uint64_t done, uint64_t total)
{
	int percent = total ? (int)(done * 100 / total) : 0;

	fprintf(stderr, "\r\033[K%-6s [%-30.*s] %3d%%", what, percent * 30 / 100,
		"##############################", percent);
}

void progress_stage(void *arg, const char *what, uint64_t done, uint64_t total,
		    uint64_t rate)
{
	struct progress *p = arg;

	if (p->json) {
		printf("{\"what\": \"%s\", \"done\": %" PRIu64 ", \"total\": %" PRIu64
		       ", \"rate\": %" PRIu64 "}\n", what, done, total, rate);
		fflush(stdout);
	} else if (p->bar) {
		put_bar(what, done, total);
		if (rate)
			fprintf(stderr, "  %.1f MB/s", (double)rate / 1e6);
		if (rate && total > done)
			put_time((total - done) / rate);
		p->drawn = true;
	}
}

void progress_unpack(void *arg, uint64_t done, uint64_t total, uint64_t entries)
{
	struct progress *p = arg;

	if (p->json) {
		printf("{\"what\": \"unpack\", \"done\": %" PRIu64 ", \"total\": %" PRIu64
		       ", \"files\": %" PRIu64 "}\n", done, total, entries);
		fflush(stdout);
	} else if (p->bar) {
		put_bar("unpack", done, total);
		fprintf(stderr, "  %" PRIu64 " files", entries);
		p->drawn = true;
	}
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
