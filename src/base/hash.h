// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a of @n bytes: to tell versions of a thing apart, where nobody gains by two
 * that are alike.
 */
static inline uint64_t hash_fnv1a(const void *data, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return h;
}
