// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"

/* The environment a run starts with: ours, without what names the host. */
void environ_default(struct strv *env);

/* Set or replace K in @env by the string "K=V". */
void environ_set(struct strv *env, const char *kv);

/* The same, in two parts. */
void environ_put(struct strv *env, const char *key, const char *value);
