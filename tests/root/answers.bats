#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a build asks its machine, and what tools do with text: the same at every tier.

load helper

# same CMD [CONTENT-OF-A-FILE]: the script CMD prints the same bytes, and succeeds, at
# every tier; they are left in $output. The file is called "in".
same() {
	local tier
	for tier in none toolchain tools; do
		[[ -z ${2-} ]] || printf "$2" >"$(build_dir $tier)/in"
		in_root $tier sh -euc "$1" >"$HYBRID/$tier" 2>&1 || {
			cat "$HYBRID/$tier"
			return 1
		}
		[ -s "$HYBRID/$tier" ]
		cmp "$HYBRID/none" "$HYBRID/$tier" || {
			diff -a "$HYBRID/none" "$HYBRID/$tier"
			return 1
		}
	done
	output=$(tr -d '\0' <"$HYBRID/none")
}

@test "what machine this is" {
	same 'uname -m; arch'
	[ "$output" = $'aarch64\naarch64' ]
	same 'gcc -dumpmachine; g++ -dumpmachine; cc -print-multiarch'
	[[ $output == aarch64-linux-gnu$'\n'* ]]
	same 'getconf LONG_BIT; getconf -a | grep -c .; dpkg --print-architecture'
	# of a program that is not swapped: the file of one that is holds its twin
	same 'ldd /usr/bin/perl | sed "s/ (0x.*//"; ldconfig -p | head -n 3'
	[[ $output == *ld-linux-aarch64* ]]
}

@test "what bash and make say they were built for" {
	same 'bash -c "echo \$MACHTYPE \$HOSTTYPE \$OSTYPE"'
	[ "$output" = "aarch64-unknown-linux-gnu aarch64 linux-gnu" ]
	# not the same: bash --version, BASH_VERSINFO[5] and make --version name the machine
	# that their text was compiled for; no variable changes that
	same 'printf "all:\n\t@echo %s %s\n" "\$(MAKE_HOST)" "\$(MAKE_VERSION)" | make -f -'
	[[ $output == aarch64-*linux-gnu\ 4.* ]]
}

@test "config.guess" {
	source=$("$TOP/tests/stage/fetch-source" hello)
	tar -xf "$source" -C "$HYBRID" --strip-components=2 hello-2.10/build-aux/config.guess
	for tier in none toolchain tools; do
		cp "$HYBRID/config.guess" "$(build_dir $tier)"
	done
	same 'sh ./config.guess'
	[ "$output" = aarch64-unknown-linux-gnu ]
	same 'bash ./config.guess'
	[ "$output" = aarch64-unknown-linux-gnu ]
}

@test "pkg-config" {
	same 'pkg-config --list-all | sort'
	[[ $output == *zlib* ]]
	same 'pkg-config --cflags --libs zlib'
	same 'pkg-config --variable=pc_path pkg-config; pkg-config --variable=libdir zlib'
	[[ $output == *aarch64-linux-gnu* ]]
	same 'pkg-config --version; pkgconf --about'
	same '! pkg-config --exists no-such; ! pkg-config --print-errors no-such 2>&1'
}

@test "locales" {
	same 'locale; locale -a; locale charmap'
	same 'LC_ALL=C locale charmap; LC_ALL=C sort in; LC_ALL=C.UTF-8 sort in' \
		'z\n\xc3\xa9t\xc3\xa9\nZebra\nete\n\xe4\xb8\xad\xe6\x96\x87\n_\n'
	same 'LC_ALL=xx_YY.UTF-8 bash -c "echo done" 2>&1; LC_ALL=xx_YY.UTF-8 ls in' 'x\n'
}

@test "text in UTF-8" {
	# shellcheck disable=SC2016
	same 'grep -o "^..." in; grep -oP "\\p{L}+" in; grep -ciw "ÉTÉ" in
		sed "s/./<&>/g; y/é/É/" in; sed -n l in; sed "s/\\w*/\\U&/" in
		gawk "{ print length, toupper(\$0), index(\$0, \"文\") }" in
		bash -c "while read -r l; do echo \${#l} \${l^^} \${l:1:2} \$(printf %q \"\$l\")
			done <in; [[ é =~ ^.\$ ]] && printf \"\\u4e2d\\n\""
		wc -mc in; fold -w 2 in; cut -c 1-3 in; expand in; ls -Q; tr a-z A-Z <in
		bash -c "case é in [[:alpha:]]) echo alpha;; esac"' \
		'\xc3\xa9t\xc3\xa9 x\ty\n\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97\nplain\n'
	[[ $output == *ÉTÉ* && $output == *$'\n中文字\n'* && $output == *alpha* ]]
	# bytes that are no UTF-8
	same 'grep -a b in; grep -c "^a.b" in || :; sed "s/.b/X/" in; sed -n l in; sort in' \
		'a\xffb\nb\n'
}

@test "character sets are converted" {
	same 'iconv -f EUC-KR -t UTF-8 in' '\xc7\xd1\xb1\xdb\n'
	[ "$output" = 한글 ]
	same 'iconv -f LATIN1 -t UTF-8 in; iconv -f LATIN1 -t ASCII//TRANSLIT in' 'caf\xe9 \xbd\n'
	[[ $output == "café ½"$'\n'* ]]
	# of gettext, which runs natively and needs the converters in the native layer
	po='msgid ""\nmsgstr "Content-Type: text/plain; charset=CHARSET\\n"\n\nmsgid "a"\nmsgstr "TEXT"\n'
	for pair in EUC-KR:'\xc7\xd1\xb1\xdb' ISO-8859-1:'caf\xe9' SHIFT_JIS:'\x93\xfa' \
		KOI8-R:'\xf0\xf2' GB18030:'\xd6\xd0'; do
		text=${po/CHARSET/${pair%%:*}}
		same 'msgconv -t UTF-8 in; msgfmt -o - in; msgfmt --statistics -o out.mo in
			msgunfmt out.mo; msgconv -t UTF-8 in | msgconv -t UTF-16 2>&1 || :' \
			"${text/TEXT/${pair#*:}}"
		[[ $output == *charset=UTF-8* ]]
	done
	same 'xgettext --from-code=EUC-KR -o - --omit-header -C in' \
		'f(gettext("\xc7\xd1\xb1\xdb"));\n'
	[[ $output == *한글* ]]
}

@test "character sets are converted natively, with the native root's cache and without" {
	# glibc has these in gconv-modules.d
	same 'iconv -f KOI8-R -t UTF-8 in' '\xf0\xf2\n'
	[ "$output" = ПР ]
	same 'iconv -f EUC-JP -t UTF-8 in' '\xa4\xa2\n'
	[ "$output" = あ ]
	printf '[crossroot]\nextra_swaps = /usr/bin/iconv\n' >"$HYBRID/iconv.conf"
	export CROSSROOT_CONFIG=$HYBRID/iconv.conf
	run edited '
		native() {
			plan | grep " /usr/bin/iconv "
			"$CROSSROOT" run t --state-dir "$HYBRID/state" -- sh -euc "
				printf \"\\360\\362\" | iconv -f KOI8-R -t UTF-8
				printf \"\\244\\242\" | iconv -f EUC-JP -t UTF-8"
		}
		native
		rm "$NATIVE"/usr/lib/*/gconv/gconv-modules.cache
		echo; native'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "tools "*$'\nПРあ\ntools '*$'\nПРあ' ]]
}

@test "messages and numbers" {
	same 'ls /nonexistent 2>&1 || :; cat . 2>&1 || :; mkdir /proc/x 2>&1 || :
		sed "s/x" in 2>&1 || :; sh -c "no-such-command" 2>&1 || :
		kill -l; bash -c "kill -l"; bash -c "ulimit -n"
		printf "%%d %%x\n" -1 -1; echo $((1 << 62)); bash -c "echo \$((1 << 63))"
		awk "BEGIN { printf \"%%.17g %%d\n\", 0.1, 2^53 }"
		gawk "BEGIN { printf \"%%.17g %%d\n\", exp(1), -2^31 }"
		expr 4611686018427387904 \* 4; factor 18446744073709551615; nproc >/dev/null
		id; stat -c "%%A %%s %%h" in; df --output=target / | tail -1; date -d @0 -u' 'x\n'
}

@test "archives and compressed files" {
	same 'tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - in | sha256sum
		gzip -9nc in | sha256sum; xz -9c in | sha256sum; bzip2 -c in | sha256sum
		zstd -qc -19 in | sha256sum; gzip -c in | zcat; xz -c in | xzcat
		md5sum in; sha512sum in; b2sum in; cksum in; base64 in' \
		"$(seq -s '\n' 2000)"
}
