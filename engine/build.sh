#!/usr/bin/env bash
# Builds the engine: one root file system in which process 1 brings up a real
# Kubernetes node. See README.md beside this file.
#
#   bash build.sh --cache DIR [--minor 1.37] [--product PRODUCT]           build; the last line on stdout is the folder
#   bash build.sh --cache DIR [--minor 1.37] [--product PRODUCT] --path    where it is; exit 0 if it is complete, 1 if not
#   bash build.sh [--product PRODUCT] --hash                               the hash of its sources
#   bash build.sh --write-lock                                             write engine/debian/*.lock of this distribution anew
#
# With --locked, or KUBEWALK_ENGINE_LOCKED=1, it is an error when a Debian
# package is not the one that engine/debian/*.lock names.
#
# PRODUCT is `node`, the engine; `kind`, the pinned kind command; `helm`, the
# pinned helm command; or `kind-node`, a stand-in for the node images that the
# kind project publishes.
#
# Every step's output is kept under DIR/steps/ by a hash of what went into it,
# so that an interrupted build goes on where it was.
set -euo pipefail
umask 022
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/build/run.sh"

usage() { sed -n '5,8s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

cache="" minor=1.37 product=node mode=build
while (($#)); do
	case $1 in
	--cache) cache=${2-}; shift ;;
	--minor) minor=${2-}; shift ;;
	--product) product=${2-}; shift ;;
	--path) mode=path ;;
	--hash) mode=hash ;;
	--locked) export KUBEWALK_ENGINE_LOCKED=1 ;;
	--write-lock) mode=lock ;;
	*) usage ;;
	esac
	shift || usage
done

# What a product is made of. The Rust side computes the same for the first three;
# nothing but the content of files counts.
case $product in
node) shelf=engine sources=(! -path './kind/*' ! -path './helm/*') ;;
kind) shelf=kind sources=(\( -path './kind/go.*' -o -path ./kind/steps.sh \)) ;;
helm) shelf=helm sources=(\( -path './helm/go.*' -o -path ./helm/steps.sh \)) ;;
kind-node) shelf=kind-node sources=(! -path './supervisor/*' ! -path './helm/*') ;;
*) usage ;;
esac
hash=$(cd "$here" && find . -type f ! -name '*.md' "${sources[@]}" -print0 | sort -z | xargs -0 sha256sum | sha256sum)
hash=${hash:0:16}
if [[ $mode == hash ]]; then
	echo "$hash"
	exit 0
fi
if [[ $mode == lock ]]; then
	. "$here/build/steps.sh"
	write_lock
	exit 0
fi
[[ -n $cache ]] || usage
[[ -f $here/$minor/go.mod ]] || stop "there is no Kubernetes $minor here; there is: $(cd "$here" && echo [0-9].*)"
# 1.37 came first and has the plain name; others say which they are.
out=$cache/$shelf/$hash
[[ $minor == 1.37 || $product == kind || $product == helm ]] || out+=-$minor

if [[ $mode == path ]]; then
	echo "$out"
	[[ -f $out/COMPLETE ]] && exit 0 || exit 1
fi
if [[ -f $out/COMPLETE ]]; then
	echo "$out"
	exit 0
fi

. "$here/build/steps.sh"
case $product in
kind*) . "$here/kind/steps.sh" ;;
helm) . "$here/helm/steps.sh" ;;
esac
check_machine
cache=$(cd "$cache" && pwd)
out=$cache/$shelf/${out##*/}
lock_cache
if [[ ! -f $out/COMPLETE ]]; then # else the one we waited for has built it
	run_steps
fi
echo "$out"
