# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold a plan of an arm64 test root, JSON on standard input, to what it is for. An
argument: the root is in Gentoo's layout."""

import json
import sys

SWAPPED = """
dash bash sed grep mawk gawk find xargs cmp make tar gzip bzip2 xz zstd patch m4 bison flex
msgfmt xgettext pkgconf cmake ninja cat cc1 cc1plus collect2 lto1 lto-wrapper liblto_plugin.so
""".split()
BINUTILS = "as ld.bfd ar nm ranlib strip objcopy objdump readelf".split()

if sys.argv[1:]:
    SWAPPED += BINUTILS + "gcc g++ c++ cpp gcov gcc-ar gcc-nm gcc-ranlib".split()
    SWAPPED += ["aarch64-unknown-linux-gnu-" + n for n in "gcc gcc-12 g++ c++".split()]
else:
    SWAPPED += ["aarch64-linux-gnu-" + n
                for n in BINUTILS + "gcc-12 g++-12 cpp-12".split()]

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
