// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"

/* The environment a run starts with: ours, without what names the host or its user. */
void environ_default(struct strv *env);

/* Set or replace K in @env by the string "K=V". */
void environ_set(struct strv *env, const char *kv);

/* The same, in two parts. */
void environ_put(struct strv *env, const char *key, const char *value);

/* Only where @env has no @key. */
void environ_offer(struct strv *env, const char *key, const char *value);
