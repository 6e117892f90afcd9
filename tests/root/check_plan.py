# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold a plan of the Debian arm64 test root, JSON on standard input, to what it is for."""

import json
import sys

SWAPPED = """
dash bash sed grep mawk gawk find xargs cmp make tar gzip bzip2 xz zstd patch m4 bison flex
msgfmt xgettext pkgconf cmake ninja cat cc1 cc1plus collect2 lto1 lto-wrapper liblto_plugin.so
""".split() + ["aarch64-linux-gnu-" + name for name in """
gcc-12 g++-12 cpp-12 as ld.bfd ar nm ranlib strip objcopy objdump readelf
""".split()]

# they answer for the machine, or compute with its types
NEVER = "uname arch getconf ldd ldconfig file perl printf od seq numfmt".split()

plan = json.load(sys.stdin)
swapped = [swap for swap in plan["swaps"] if swap["swapped"]]
names = {swap["path"].rsplit("/", 1)[1] for swap in swapped}

for swap in plan["swaps"]:
    assert swap["native"] if swap["swapped"] else swap["reason"], swap
assert plan["arch"] == "aarch64"
assert plan["tools"] == len(swapped)
assert plan["toolchain"] == sum(swap["tier"] == "toolchain" for swap in swapped)
assert not set(SWAPPED) - names, set(SWAPPED) - names
assert not set(NEVER) & names, set(NEVER) & names
