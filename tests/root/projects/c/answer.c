// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#define TWICE(x) ((x) * 2)
static int helper(int x) { return TWICE(x); }
int answer(int x) { return printf("%d\n", helper(x)) > 0 ? helper(x) : 0; }
