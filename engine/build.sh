#!/usr/bin/env bash
# Builds the engine: one root file system in which process 1 brings up a real
# Kubernetes node. See README.md beside this file.
#
#   bash build.sh --cache DIR [--minor MINOR] [--product PRODUCT]           build; the last line on stdout is the folder
#   bash build.sh --cache DIR [--minor MINOR] [--product PRODUCT] --path    where it is; exit 0 if it is complete, 1 if not
#   bash build.sh [--minor MINOR] [--product PRODUCT] --hash                the hash of its sources
#   bash build.sh --minors                                                  the minor versions of Kubernetes that there are, newest first
#   bash build.sh [--minor MINOR] --write-lock                              write the lock file of this distribution anew
#
# With --locked, or KUBEWALK_ENGINE_LOCKED=1, it is an error when a Debian
# package is not the one that engine/debian/*.lock names.
#
# MINOR is a folder here, e.g. 1.34; left out, the newest. An older one has
# its own Kubernetes, and all else as the newest has it.
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

usage() { sed -n '5,9s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

mapfile -t minors < <(cd "$here" && printf '%s\n' [0-9]*.[0-9]* | sort -rV)
newest=${minors[0]}
cache="" version=$newest product=node mode=build
while (($#)); do
	case $1 in
	--cache) cache=${2-}; shift ;;
	--minor) version=${2-}; shift ;;
	--product) product=${2-}; shift ;;
	--path) mode=path ;;
	--hash) mode=hash ;;
	--minors) mode=minors ;;
	--locked) export KUBEWALK_ENGINE_LOCKED=1 ;;
	--write-lock) mode=lock ;;
	*) usage ;;
	esac
	shift || usage
done

if [[ $mode == minors ]]; then
	printf '%s\n' "${minors[@]}"
	exit 0
fi
[[ -f $here/$version/go.mod ]] || stop "there is no Kubernetes $version here; there is: ${minors[*]}"
[[ $version == "$newest" || $product == node ]] || stop "$product is of Kubernetes $newest only"
# The steps that all versions share are those of the newest.
minor=$newest

# What a product is made of. The Rust side computes the same for the first three;
# nothing but the content of files counts (where a link leads is a file), and of
# the versions only itself and the newest.
others=()
for one in "${minors[@]}"; do
	[[ $one == "$version" || $one == "$newest" ]] || others+=(! -path "./$one/*")
done
case $product in
node) shelf=engine sources=(! -path './kind/*' ! -path './helm/*' "${others[@]}") ;;
kind) shelf=kind sources=(\( -path './kind/go.*' -o -path ./kind/steps.sh \)) ;;
helm) shelf=helm sources=(\( -path './helm/go.*' -o -path ./helm/steps.sh \)) ;;
kind-node) shelf=kind-node sources=(! -path './supervisor/*' ! -path './helm/*' "${others[@]}") ;;
*) usage ;;
esac
hash=$(cd "$here" && find -L . -type f ! -name '*.md' "${sources[@]}" -print0 | sort -z | xargs -0 sha256sum | sha256sum)
hash=${hash:0:16}
if [[ $mode == hash ]]; then
	echo "$hash"
	exit 0
fi
if [[ $mode == lock ]]; then
	. "$here/build/steps.sh"
	steps_of_version
	write_lock
	exit 0
fi
[[ -n $cache ]] || usage
out=$cache/$shelf/$hash

if [[ $mode == path ]]; then
	echo "$out"
	[[ -f $out/COMPLETE ]] && exit 0 || exit 1
fi
if [[ -f $out/COMPLETE ]]; then
	echo "$out"
	exit 0
fi

. "$here/build/steps.sh"
steps_of_version
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
