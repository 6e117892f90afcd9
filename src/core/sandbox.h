// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/closure.h"
#include "core/plan.h"
#include "core/root.h"

/*
 * Gentoo's sandbox preloads libsandbox.so by its bare name, into native programs as into
 * emulated ones; each loader finds its own. So it works where the native root has the
 * very same sandbox. Where it has not, native programs could not load it and would say
 * so on every start: Portage is then told to do without.
 */

/* Add the library to the layer if the plan swaps the program. */
void sandbox_closure(const struct plan *p, struct closure *closure);

/*
 * Switch Portage's sandbox off, in @env, if the root has one and the plan does not swap
 * it; the plan says why. What protects then is what protects every run: it sees the host
 * only through its binds, and userpriv.
 */
void sandbox_adapt(const struct root *root, const struct plan *p, struct strv *env);
