# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From dpkg's database to Portage's (/var/db/pkg). Sourced after gentoo.bash.

# Debian source package, Gentoo's CATEGORY/PN, SLOT if not 0. "-" is not kept: a stage3
# has nothing like it, or the toolchain tarballs bring their own.
VDB_NAMES="
acl sys-apps/acl
adduser -
apt -
attr sys-apps/attr
audit sys-process/audit
autoconf dev-build/autoconf 2.71
automake-1.16 dev-build/automake 1.16
autotools-dev sys-devel/gnuconfig
base-files sys-apps/baselayout
base-passwd -
bash app-shells/bash
binutils -
bison sys-devel/bison
brotli app-arch/brotli 0/1
bzip2 app-arch/bzip2 0/1
ca-certificates app-misc/ca-certificates
cdebconf -
cmake dev-build/cmake
coreutils sys-apps/coreutils
cpio app-arch/cpio
cross-toolchain-base -
cross-toolchain-base-ports -
curl net-misc/curl
cyrus-sasl2 dev-libs/cyrus-sasl 2
dash app-shells/dash
db5.3 sys-libs/db 5.3/5.3
debconf -
debian-archive-keyring -
debianutils sys-apps/debianutils
diffutils sys-apps/diffutils
dpkg -
e2fsprogs sys-fs/e2fsprogs
expat dev-libs/expat
file sys-apps/file
findutils sys-apps/findutils
flex sys-devel/flex
gawk sys-apps/gawk
gcc-12 -
gcc-12-cross -
gcc-12-cross-ports -
gcc-defaults -
gcc-defaults-ports -
gdbm sys-libs/gdbm 0/6
gettext sys-devel/gettext
glibc sys-libs/glibc 2.2
gmp dev-libs/gmp 0/10.4
gnupg2 app-crypt/gnupg
gnutls28 net-libs/gnutls 0/30.30
grep sys-apps/grep
gzip app-arch/gzip
hostname sys-apps/net-tools
icu dev-libs/icu 0/72.1
init-system-helpers -
isl dev-libs/isl 0/23
jansson dev-libs/jansson 0/4
keyutils sys-apps/keyutils 0/1.9
krb5 app-crypt/mit-krb5
libarchive app-arch/libarchive 0/13
libcap-ng sys-libs/libcap-ng
libcap2 sys-libs/libcap
libffi dev-libs/libffi 0/8
libgcrypt20 dev-libs/libgcrypt 0/20
libgpg-error dev-libs/libgpg-error
libidn2 net-dns/libidn2 0/2
libjsoncpp dev-libs/jsoncpp 0/25
libmd app-crypt/libmd
libnsl net-libs/libnsl 0/3
libpsl net-libs/libpsl
libseccomp sys-libs/libseccomp
libselinux sys-libs/libselinux
libsemanage sys-libs/libsemanage 0/2
libsepol sys-libs/libsepol 0/2
libsigsegv dev-libs/libsigsegv
libssh2 net-libs/libssh2
libtasn1-6 dev-libs/libtasn1 0/6
libtirpc net-libs/libtirpc 0/3
libunistring dev-libs/libunistring 0/2
libuv1 dev-libs/libuv 0/1
libxcrypt sys-libs/libxcrypt 0/1
libxml2 dev-libs/libxml2 2
libzstd app-arch/zstd 0/1
linux sys-kernel/linux-headers
lz4 app-arch/lz4 0/r132
m4 sys-devel/m4
make-dfsg dev-build/make
mawk sys-apps/mawk
media-types app-misc/mime-types
mpclib3 dev-libs/mpc 0/3
mpfr4 dev-libs/mpfr 0/6
ncurses sys-libs/ncurses 0/6
nettle dev-libs/nettle 0/8-6
nghttp2 net-libs/nghttp2 0/1.14
ninja-build dev-build/ninja
openldap net-nds/openldap
openssl dev-libs/openssl 0/3
p11-kit app-crypt/p11-kit
pam sys-libs/pam
patch sys-devel/patch
pcre2 dev-libs/libpcre2 0/3
perl dev-lang/perl 0/5.36
pkgconf dev-util/pkgconf 0/3
procps sys-process/procps 0/0-ng
pax-utils app-misc/pax-utils
python-pyelftools dev-python/pyelftools
python3-defaults -
python3.11 dev-lang/python 3.11
readline sys-libs/readline 0/8
rhash app-crypt/rhash
rpcsvc-proto net-libs/rpcsvc-proto
rtmpdump media-video/rtmpdump
sed sys-apps/sed
shadow sys-apps/shadow 0/4
sqlite3 dev-db/sqlite 3
systemd sys-apps/systemd-utils
sysvinit sys-apps/sysvinit
tar app-arch/tar
tzdata sys-libs/timezone-data
usrmerge -
util-linux sys-apps/util-linux
xxhash dev-libs/xxhash
xz-utils app-arch/xz-utils
zlib sys-libs/zlib 0/1
"

# installed ROOT [KEEP]: LIST-FILE NAME SLOT PF of every package that dpkg has in ROOT,
# tabs between, NAME and PF as Gentoo has them. PV is upstream's version without Debian's
# additions, -r the numbers of Debian's revision, two digits each after the first
# (2.36-9+deb12u4: 2.36-r904): versions that differ in Debian differ here. Packages
# matching KEEP count as sys-devel/gcc, which is where Gentoo has GCC's libraries.
installed() {
	# shellcheck disable=SC2016
	dpkg-query --admindir="$1/var/lib/dpkg" -W -f \
		'${binary:Package}\t${Package}\t${source:Package}\t${source:Version}\n' |
	awk -F '\t' -v names="$VDB_NAMES" -v info="$1/var/lib/dpkg/info/" \
		-v keep="${2:-^$}" -v gcc_slot="$GCC_SLOT" -v gcc_pf="gcc-$GCC_PV" '
		function numbers(s,   n, part, i, r) {
			gsub(/[+~]deb[0-9]+u/, ".", s)
			n = split(s, part, /[^0-9]+/)
			for (i = 1; i <= n; i++)
				if (part[i] != "")
					r = r sprintf(r == "" ? "%d" : "%02d", part[i])
			return r
		}
		function pf(pn, v,   rev, i, pv, rest) {
			sub(/^[0-9]+:/, "", v)
			if (match(v, /-[^-]*$/)) {
				rev = numbers(substr(v, RSTART + 1))
				v = substr(v, 1, RSTART - 1)
			}
			sub(/[.+](dfsg|ds)[0-9.]*/, "", v)
			match(v, /^[0-9]+(\.[0-9]+)*[a-z]?/)
			pv = substr(v, 1, RLENGTH)
			rest = substr(v, RLENGTH + 1)
			sub(/^[+~]deb[0-9]+u/, "", rest)
			if (match(rest, /[0-9]+/))
				pv = pv "_p" substr(rest, RSTART, RLENGTH)
			if (pn == "bash")	# its patch level is the third number
				sub(/\.[0-9]+$/, "_p&", pv) && sub(/_p\./, "_p", pv)
			return pn "-" pv (rev + 0 ? "-r" (rev + 0) : "")
		}
		BEGIN {
			n = split(names, line, "\n")
			for (i = 1; i <= n; i++)
				if (split(line[i], w, " ") >= 2) {
					name[w[1]] = w[2]
					slot[w[1]] = w[3] == "" ? "0" : w[3]
				}
		}
		!($3 in name) {
			print "no Gentoo name known for " $3 >"/dev/stderr"
			bad = 1
			next
		}
		{
			list = info $1 ".list"
			if ((getline x < list) < 0)
				list = info $2 ".list"
			close(list)
			if ($2 ~ keep) {
				print list "\tsys-devel/gcc\t" gcc_slot "\t" gcc_pf
				next
			}
			split(name[$3], part, "/")
			print list "\t" name[$3] "\t" slot[$3] "\t" \
				(name[$3] == "-" ? "-" : pf(part[2], $4))
		}
		END { exit bad }'
}

# drop_packages ROOT INSTALLED: delete the files of the packages that are not kept.
# Before gentoo_layout: dpkg's lists name Debian's paths.
drop_packages() {
	local root=$1 f
	paths_of() {
		awk -F '\t' -v "drop=$1" '($2 == "-") == drop { print $1 }' "$2" |
			xargs -r cat | sed -E 's,^/(s?bin|lib|lib64)/,/usr/\1/,' |
			sort -u
	}
	while IFS= read -r f; do
		[[ $f == /. ]] || rm -d -f -- "$root$f" 2>/dev/null || true
	done < <(comm -23 <(paths_of 1 "$2") <(paths_of 0 "$2") | sort -r)
}

# owned_files ROOT DEBIAN-TUPLE INSTALLED: NAME SLOT PF PATH, tabs between, of what the
# kept packages own, in Gentoo's layout. As in Gentoo some paths go through /bin or /lib.
owned_files() {
	local list name slot pf
	while IFS=$'\t' read -r list name slot pf; do
		[[ $name != - ]] || continue
		sed -E -e "s,^/(usr/)?lib/$2,/\1lib64," \
			-e "s,^/usr/include/(finclude/)?$2,/usr/include/\1," \
			-e "s,//+,/,g; s,/$,,; s,^,$name\t$slot\t$pf\t," "$list"
	done <"$3" | awk -F '\t' '$4 != "/." && $4 !~ /^\/(usr\/)?bin\/sh$/'
	for name in sh-0:/bin/sh awk-4:/usr/bin/awk yacc-1:/usr/bin/yacc \
		tar-0:/usr/bin/gtar; do
		pf=${name%%:*}
		printf '%s\t0\t%s\t%s\n' "app-alternatives/${pf%-*}" "$pf" "${name#*:}"
	done
}

# toolchain_files TARBALL NAME-OF-GCC NAME-OF-BINUTILS: the same of a toolchain tarball.
# What gcc-config and binutils-config make belongs to no package, as in Gentoo.
toolchain_files() {
	tar -tf "$1" | awk -v gcc="$2\t$GCC_SLOT\tgcc-$GCC_PV" \
		-v binutils="$3\t$BINUTILS_PV\tbinutils-$BINUTILS_PV" -v t="$CTARGET" '
		{
			sub(/^\./, "")
			sub(/\/$/, "")
		}
		$0 == "" || /^\/usr\/bin\// || /^\/etc\/ld\.so\.conf/ ||
			/^\/etc\/env\.d\/([0-9]|.*\/config-)/ ||
			$0 ~ "^/usr/(" t "/bin/|libexec/gcc/" t "/(as|ld)$)" { next }
		{ print (/\/binutils/ ? binutils : gcc) "\t" $0 }'
}

# write_vdb ROOT ARCH CHOST < NAME SLOT PF PATH: make ROOT/var/db/pkg of it. What is
# listed and not there is left out.
write_vdb() {
	local root=$1 arch=$2 chost=$3 vdb=$1/var/db/pkg name slot pf dir n=0 use=$2
	[[ $arch != amd64 ]] || use="abi_x86_64 amd64"
	rm -rf "$vdb"
	mkdir -p "$vdb"
	sort -u >"$WORK/owned"
	cut -f 1-3 "$WORK/owned" | sort -u >"$WORK/owners"
	while IFS=$'\t' read -r name slot pf; do
		dir=$vdb/${name%/*}/$pf
		mkdir -p "$dir"
		n=$((n + 1))
		printf '%s\n' "${name%/*}" >"$dir/CATEGORY"
		printf '%s\n' "$pf" >"$dir/PF"
		printf '%s\n' "$slot" >"$dir/SLOT"
		printf '%s\n' "$use elibc_glibc kernel_linux nls" >"$dir/USE"
		printf '%s\n' nls >"$dir/IUSE"
		printf '%s\n' "abi_x86_64 amd64 arm64 elibc_glibc kernel_linux nls" \
			>"$dir/IUSE_EFFECTIVE"
		printf '%s\n' "amd64 arm arm64 ppc64 riscv x86" >"$dir/KEYWORDS"
		printf '%s\n' "compile configure install prepare" >"$dir/DEFINED_PHASES"
		printf '%s\n' 8 >"$dir/EAPI"
		printf '%s\n' gentoo >"$dir/repository"
		printf '%s\n' "$chost" | tee "$dir/CHOST" >"$dir/CBUILD"
		printf '%s\n' 1700000000 >"$dir/BUILD_TIME"
		printf '%s\n' "$n" >"$dir/COUNTER"
		printf '%s\n' "${name#*/}, for crossroot's tests" >"$dir/DESCRIPTION"
		printf '%s\n' "buildpkg sandbox userpriv" >"$dir/FEATURES"
		printf '%s\n' "-O2 -pipe" | tee "$dir/CFLAGS" >"$dir/CXXFLAGS"
		[[ $name != cross-* ]] || printf '%s\n' "${name%/*}" |
			sed s/^cross-// >"$dir/CTARGET"
		: >"$dir/CONTENTS"
	done <"$WORK/owners"
	find "$root" -xdev -path "$vdb" -prune -o -printf '%y\t%T@\t/%P\t%l\n' \
		>"$WORK/found"
	find "$root" -xdev -type f -print0 | xargs -0 -P 2 -n 500 md5sum >"$WORK/sums"
	LC_ALL=C awk -F '\t' -v root="$root" -v vdb="$vdb" '
		function unescape(s) {
			gsub(/\\\\/, "\\", s)
			return s
		}
		FILENAME ~ /sums$/ {
			line = $0
			if (sub(/^\\/, "", line))
				line = unescape(line)
			sum[substr(line, 35 + length(root))] = substr(line, 1, 32)
			next
		}
		FILENAME ~ /found$/ {
			type[$3] = $1
			mtime[$3] = int($2)
			target[$3] = $4
			next
		}
		{
			path = $4
			if (path ~ /^(\/s?bin|\/lib|\/lib64|\/usr\/sbin)$/)
				path = "/usr"	# a directory to packages, a link here
			sub(/^\/s?bin\//, "/usr/bin/", path)
			sub(/^\/usr\/sbin\//, "/usr/bin/", path)
			sub(/^\/lib\//, "/usr/lib/", path)
			sub(/^\/lib64\//, "/usr/lib64/", path)
			split($1, part, "/")
			file = vdb "/" part[1] "/" $3 "/CONTENTS"
			if (file != last)
				close(last)
			last = file
			if (type[path] == "f")
				print "obj " $4 " " sum[path] " " mtime[path] >>file
			else if (type[path] == "l")
				print "sym " $4 " -> " target[path] " " mtime[path] >>file
			else if (type[path] == "d")
				print "dir " $4 >>file
		}' "$WORK/sums" "$WORK/found" "$WORK/owned"
	# a stage3 has no package without files, but for virtuals
	for dir in "$vdb"/*/*; do
		grep -q -E '^(obj|sym) ' "$dir/CONTENTS" || rm -r "$dir"
	done
	find "$vdb" -mindepth 1 -type d -empty -delete
}
