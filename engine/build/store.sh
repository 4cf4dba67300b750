#!/usr/bin/env bash
# Fills a containerd store with images: store.sh PROGRAMS TARGET ARCHIVE...,
# where containerd and ctr are in the folder PROGRAMS.
#
# containerd itself does it, the one that will read it. It needs mounts for
# that, so it runs in a mount namespace of its own, and on a tmpfs, because its
# overlays do not work on a cache that is itself on an overlay.
set -euo pipefail
if [[ ${IN_NAMESPACE-} != 1 ]]; then
	IN_NAMESPACE=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
programs=$1 target=$2
shift 2

# A folder for the mount, with a short name: a socket's path has 108 bytes.
top=$(mktemp -d /tmp/kubewalk-store.XXXXXX)
daemon=""
clean() {
	[[ -z $daemon ]] || kill -KILL "$daemon" 2>/dev/null || true
	umount -l "$top" 2>/dev/null || true
	rmdir "$top"
}
trap clean EXIT
trap 'exit 143' TERM INT HUP
mount -t tmpfs tmpfs "$top"
cat >"$top/config.toml" <<END
version = 2
root = "$top/root"
state = "$top/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
  address = "$top/socket"
END
"$programs/containerd" --config "$top/config.toml" --log-level warn &
daemon=$!
ctr=("$programs/ctr" --address "$top/socket" --namespace k8s.io)
for _ in {1..200}; do
	[[ -S $top/socket ]] && "${ctr[@]}" version >/dev/null 2>&1 && break
	kill -0 "$daemon" || { echo "containerd ended"; exit 1; }
	sleep 0.05
done
for archive; do
	"${ctr[@]}" images import --snapshotter overlayfs "$archive"
done
for name in $("${ctr[@]}" images ls -q); do
	# Managed is what CRI calls an image of its own; a pinned one is never
	# thrown away to make room.
	"${ctr[@]}" images label "$name" io.cri-containerd.image=managed io.cri-containerd.pinned=pinned
done
"${ctr[@]}" images ls
for archive; do # all that was asked for is there
	tar -xOf "$archive" ./manifest.json | grep -o '"RepoTags":\["[^"]*"' | cut -d'"' -f4
done | sort | cmp - <("${ctr[@]}" images ls -q | sort)
# Unpacked, the layers themselves are only weight; containerd does without them
# in the same way when it is told to discard them after a pull.
for archive; do
	tar -xOf "$archive" ./layer.tar | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/' | xargs "${ctr[@]}" content rm
done
kill -TERM "$daemon"
wait "$daemon" || true
daemon=""
mkdir -p "$target"
cp -a "$top/root/." "$target/"
rm -rf "$target"/io.containerd.content.v1.content/ingest "$target"/tmpmounts
