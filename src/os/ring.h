// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes from one thread to another, through a few large buffers: the two wait for
 * each other only when it is full or empty.
 */
#define RING_SLOTS 8

struct ring_slot {
	char *data;
	size_t len;
};

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t change;
	struct ring_slot slots[RING_SLOTS];
	struct ring_slot *cur;	 /* the writer's own: being filled */
	unsigned int head, tail; /* filled, emptied; they only grow */
	bool held;		 /* the reader is using slot @tail */
	bool ended;		 /* the writer has no more */
	bool left;		 /* the reader wants no more */
};

void ring_init(struct ring *r);
void ring_free(struct ring *r); /* once no thread uses it */

/* The writer: add bytes (copied). False when the reader has left. */
bool ring_add(struct ring *r, const void *data, size_t n);

/* Whether the reader has left, and with that all it wrote before can be seen. */
bool ring_left(struct ring *r);

/* The writer: no more will come. */
void ring_end(struct ring *r);

/* Whether the writer has ended, and with that all it wrote before can be seen. */
bool ring_ended(struct ring *r);

/*
 * The reader: the next bytes, valid until the next call; 0 at the end. Nothing is
 * copied.
 */
size_t ring_next(struct ring *r, const void **data);

/* The reader: no more is wanted, whatever the writer has. */
void ring_leave(struct ring *r);
