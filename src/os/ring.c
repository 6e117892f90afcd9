// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/ring.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define SLOT_SIZE ((size_t)512 * 1024)

void ring_init(struct ring *r)
{
	*r = (struct ring){ .mutex = PTHREAD_MUTEX_INITIALIZER,
			    .change = PTHREAD_COND_INITIALIZER };
	for (int i = 0; i < RING_SLOTS; i++)
		r->slots[i].data = xmalloc(SLOT_SIZE);
}

void ring_free(struct ring *r)
{
	for (int i = 0; i < RING_SLOTS; i++)
		free(r->slots[i].data);
	pthread_mutex_destroy(&r->mutex);
	pthread_cond_destroy(&r->change);
}

/* Wait for an empty slot; NULL when nobody will take it. */
static struct ring_slot *ring_fill(struct ring *r)
{
	struct ring_slot *slot = NULL;

	pthread_mutex_lock(&r->mutex);
	while (r->head - r->tail == RING_SLOTS && !r->left)
		pthread_cond_wait(&r->change, &r->mutex);
	if (!r->left)
		slot = &r->slots[r->head % RING_SLOTS];
	pthread_mutex_unlock(&r->mutex);
	return slot;
}

static void ring_publish(struct ring *r, bool filled, bool ended)
{
	pthread_mutex_lock(&r->mutex);
	r->head += filled;
	r->ended = ended;
	pthread_cond_signal(&r->change);
	pthread_mutex_unlock(&r->mutex);
}

bool ring_add(struct ring *r, const void *data, size_t n)
{
	const char *from = data;

	while (n) {
		size_t k;

		if (!r->cur) {
			r->cur = ring_fill(r);
			if (!r->cur)
				return false;
			r->cur->len = 0;
		}
		k = SLOT_SIZE - r->cur->len;
		if (k > n)
			k = n;
		memcpy(r->cur->data + r->cur->len, from, k);
		r->cur->len += k;
		from += k;
		n -= k;
		if (r->cur->len == SLOT_SIZE) {
			ring_publish(r, true, false);
			r->cur = NULL;
		}
	}
	return true;
}

void ring_end(struct ring *r)
{
	ring_publish(r, r->cur != NULL, true);
	r->cur = NULL;
}

bool ring_ended(struct ring *r)
{
	bool ended;

	pthread_mutex_lock(&r->mutex);
	ended = r->ended;
	pthread_mutex_unlock(&r->mutex);
	return ended;
}

bool ring_left(struct ring *r)
{
	bool left;

	pthread_mutex_lock(&r->mutex);
	left = r->left;
	pthread_mutex_unlock(&r->mutex);
	return left;
}

size_t ring_next(struct ring *r, const void **data)
{
	size_t n = 0;

	pthread_mutex_lock(&r->mutex);
	if (r->held) {
		r->tail++;
		r->held = false;
		pthread_cond_signal(&r->change);
	}
	while (r->head == r->tail && !r->ended)
		pthread_cond_wait(&r->change, &r->mutex);
	if (r->head != r->tail) {
		*data = r->slots[r->tail % RING_SLOTS].data;
		n = r->slots[r->tail % RING_SLOTS].len;
		r->held = true;
	}
	pthread_mutex_unlock(&r->mutex);
	return n;
}

void ring_leave(struct ring *r)
{
	pthread_mutex_lock(&r->mutex);
	r->left = true;
	pthread_cond_signal(&r->change);
	pthread_mutex_unlock(&r->mutex);
}
