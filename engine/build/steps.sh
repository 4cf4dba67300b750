# The steps of build.sh. Each build_NAME fills the folder $work, which is then
# renamed; it reads what other steps made from ${dirs[OTHER]}. Sourced.

# mod_version says which version of a module is pinned.
mod_version() { awk -v m="$1" '$1 == m && $2 ~ /^v/ {print $2; exit}' "$here/$minor/go.mod"; }

# distribution is what this machine's packages are from, e.g. debian-12-amd64.
distribution=$(. /etc/os-release && echo "$ID-${VERSION_ID-rolling}")-$(dpkg --print-architecture 2>/dev/null || true)

# debian_lock names the file with the versions and sums of this distribution's packages, if there is one in a folder here.
debian_lock() { # FOLDER
	[[ ! -f $here/$1/$distribution.lock ]] || echo "$1/$distribution.lock"
}

steps=(debian modules kube tools runc supervisor userland images store assemble)
declare -A keys dirs titles inputs after progress locks

titles=(
	[debian]="Debian packages"
	[modules]="Go modules"
	[kube]="Kubernetes $(mod_version k8s.io/kubernetes)"
	[tools]="container shim and network plugins"
	[runc]="runc $(mod_version github.com/opencontainers/runc)"
	[supervisor]="supervisor"
	[userland]="user land"
	[images]="Pod images"
	[store]="image store"
	[assemble]="node image"
)
# What each step reads of these sources, and which steps it builds on.
inputs=(
	[debian]="$(debian_lock debian)" [modules]="$minor" [kube]="$minor" [tools]="$minor/go.mod $minor/go.sum"
	[runc]="$minor/go.mod $minor/go.sum runc" [supervisor]="supervisor" [userland]="" [images]="images"
	[store]="build/store.sh" [assemble]="images/rootfs"
)
after=(
	[debian]="" [modules]="" [kube]="" [tools]="" [runc]="debian" [supervisor]="" [userland]="debian"
	[images]="userland" [store]="images kube" [assemble]="kube tools runc supervisor userland images store"
)
progress=([modules]=modules [kube]=packages)
# The steps that fetch packages which a lock file names.
locks=([debian]=yes)

# steps_of_version changes the steps to those of a version that is not the newest.
steps_of_version() {
	lock_folder=debian lock_packages=("${debian_packages[@]}")
	[[ $version != "$newest" ]] || return 0
	. "$here/build/older.sh"
	[[ ! -f $here/$version/steps.sh ]] || . "$here/$version/steps.sh"
}

# How Go is called everywhere: exactly what go.mod and go.sum say, and without
# this machine's paths in the result.
go_build() {
	GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off CGO_ENABLED="${cgo:-0}" go "$@"
}
helpers_go="go_build"

# ── Debian packages: curl, iptables, busybox and what they need, fetched with
# apt's own means and lists, but in a folder of ours: nothing is installed, and
# an empty list of installed packages makes apt name every one that is needed.
debian_packages=(busybox-static iptables curl ca-certificates libseccomp-dev)

# What they are is said by a lock file: version and sum of each, as they were
# when `just debian-lock` wrote it. A mirror keeps no old versions; what it has
# not any more comes as apt's signed index has it, which is said, and noted in
# manifest.json. With --locked that is an error.
build_debian() {
	local lock=${inputs[debian]}
	fetch_packages "${debian_packages[@]}"
	compare_with_lock
}
helpers_debian="fetch_packages merged_usr unpack compare_with_lock"

# compare_with_lock notes whether all came as the lock says. The same version
# with another sum is not what it says it is.
compare_with_lock() {
	echo false >"$work/locked"
	[[ -n $lock ]] || return 0
	awk -F'\t' 'NR == FNR {if (NF == 3) sum[$1, $2] = $3; next}
		($1, $2) in sum && sum[$1, $2] != $3 {print $1, $2, "has another sum than the lock says"; bad = 1}
		END {exit bad}' "$here/$lock" "$work/packages.tsv"
	! cmp -s <(grep -v '^#' "$here/$lock") "$work/packages.tsv" || echo true >"$work/locked"
}

fetch_packages() { # PACKAGE…; they and all they need, unpacked in $work/tree
	local apt=$work/apt deb locked=()
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$work/debs"
	: >"$apt/status"
	# Given by -c this comes after the machine's own settings, so it wins.
	# Their proxies and sources stay; their hooks would write outside.
	cat >"$apt/conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		Dir::State "$apt/state";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Log "$apt";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
	END
	# A source that does not answer is no matter if the packages come from others.
	apt-get -c "$apt/conf" update || echo "some sources did not answer"
	if [[ -n ${lock-} ]]; then
		mapfile -t locked < <(awk -F'\t' 'NF == 3 {print $1 "=" $2}' "$here/$lock")
		if apt-get -c "$apt/conf" -s install "${locked[@]}" >/dev/null; then
			set -- "${locked[@]}"
		else
			echo "not all versions of $lock are there any more"
		fi
	fi
	apt-get -c "$apt/conf" -y --download-only install "$@"
	for deb in "$apt"/cache/archives/*.deb; do
		mv "$deb" "$work/debs/"
	done
	for deb in "$work"/debs/*.deb; do
		printf '%s\t%s\t%s\n' "$(dpkg-deb -f "$deb" Package)" "$(dpkg-deb -f "$deb" Version)" \
			"$(sha256sum "$deb" | cut -d' ' -f1)"
	done >"$work/packages.tsv"
	rm -rf "$apt"
	unpack "$work/debs" "$work/tree"
	rm -rf "$work/debs"
}

# merged_usr makes the links that Debian has had in place of /bin and the like.
merged_usr() {
	local dir
	mkdir -p "$1"
	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
}

unpack() { # DEBS TREE
	local deb
	merged_usr "$2"
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$2" --keep-directory-symlink --no-same-owner
	done
}

# ── Go modules. Listing what a build needs fetches just that.
build_modules() {
	cd "$here/$minor"
	go_build list -deps . tool >/dev/null
	cd "$here/supervisor"
	go_build list -deps . >/dev/null
	echo ok >"$work/done"
}

# ── The multi-call binary. The version has to be set, or the node calls itself
# v0.0.0. Drivers for file systems that a node in memory cannot use are left out.
build_kube() {
	local version v=k8s.io/component-base/version tags=no_btrfs,no_devmapper,no_zfs
	version=$(mod_version k8s.io/kubernetes)
	cd "$here/$minor"
	echo "packages: $(go_build list -deps -tags $tags . | wc -l)"
	go_build build -v -tags $tags -o "$work/kube" \
		-ldflags "-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=${minor#1.} -X $v.gitTreeState=clean" .
	go version -m "$work/kube" | awk -F'\t' '$2 == "dep" {v = $3 "\t" $4 "\t" $5} $2 == "=>" {v = $3 "\t" $4 "\t" $5}
		v != "" {if ($2 == "dep" && last != "") print last; last = v; v = ""} END {print last}' >"$work/modules.tsv"
}

# ── Programs that cannot be in it: the shim has flags of the same names, and
# network plugins are started anew for each Pod, where size is time.
build_tools() {
	cd "$here/$minor"
	go_build build -tags no_grpc -ldflags "-s -w" -o "$work/" \
		github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 \
		github.com/containernetworking/plugins/plugins/{ipam/host-local,main/loopback,main/ptp,meta/portmap}
}

# ── runc, static, so that it runs on any host and in the node. Its seccomp part
# asks pkg-config for libseccomp; a stand-in answers with Debian's static one.
build_runc() {
	local tree=${dirs[debian]}/tree lib
	lib=$(dirname "$(find "$tree/usr/lib/" -name libseccomp.a | head -n1)")
	cat >"$work/pkg-config" <<-END
		#!/bin/sh
		case "\$*" in
		*--cflags*) echo "-I$work/include" ;;
		*--libs*) echo "-L$lib -lseccomp" ;;
		*--modversion*) echo "2.5.0" ;;
		esac
	END
	chmod +x "$work/pkg-config"
	mkdir "$work/include"
	cp "$tree"/usr/include/seccomp*.h "$work/include/"
	cd "$here/$minor"
	gcc -O2 -Wall -Werror -c -I"$work/include" -o "$work/native_arch.o" "$here/runc/native_arch.c"
	cgo=1 PKG_CONFIG=$work/pkg-config go_build build -tags netgo,osusergo,seccomp,urfave_cli_no_docs \
		-ldflags "-s -w -linkmode external -extldflags '-static -Wl,--wrap=seccomp_arch_add $work/native_arch.o'" \
		-o "$work/runc" github.com/opencontainers/runc
	rm -rf "$work/pkg-config" "$work/include" "$work/native_arch.o"
	"$work/runc" --version
}

build_supervisor() {
	cd "$here/supervisor"
	go_build build -ldflags "-s -w" -o "$work/supervisor" .
}

# ── The parts of the packages that are wanted: a program, and every library it
# loads, found by the packages' own loader.
with_libraries() { # TREE TARGET FILE…
	local tree=$1 target=$2 loader libs file line place
	shift 2
	loader=$(find "$tree/usr/lib/" -name 'ld-linux*.so.*' -type f | head -n1)
	libs=$(dirname "$(find "$tree/usr/lib/" -name libc.so.6 | head -n1)")
	# Programs ask for it in /lib64 on amd64 and in /lib on arm64.
	place=/usr/lib
	[[ ! -L $tree/usr/lib64/${loader##*/} ]] || place=/usr/lib64
	mkdir -p "$target${libs#"$tree"}" "$target$place"
	cp "$loader" "$target$place/${loader##*/}"
	for file; do
		mkdir -p "$target$(dirname "$file")"
		cp -a "$tree$file" "$target$file"
		while read -r line; do
			[[ $line == "$tree"/* ]] || { echo "$file needs $line, which no package has"; return 1; }
			[[ -e $target${line#"$tree"} ]] || cp -L "$line" "$target${line#"$tree"}"
		done < <("$loader" --inhibit-cache --library-path "$libs" --list "$tree$file" | sed -n 's/.* => \([^ ]*\).*/\1/p')
	done
}

# busybox_links makes a link for each of busybox's programs that is not there.
busybox_links() { # TREE
	local applet
	for applet in $("$1/usr/bin/busybox" --list); do
		[[ -e $1/usr/bin/$applet || -e $1/usr/sbin/$applet || $applet == init || $applet == linuxrc ]] ||
			ln -s busybox "$1/usr/bin/$applet"
	done
}

build_userland() {
	local tree=${dirs[debian]}/tree node=$work/node curl=$work/curl name xtables
	merged_usr "$node"
	merged_usr "$curl"
	# The node: shell tools, and iptables with the libraries of all its
	# plugins as well; without those, one rule in a hundred fails.
	mapfile -t xtables < <(cd "$tree" && find usr/lib -path '*/xtables/*.so' -printf '/%p\n' | sort)
	with_libraries "$tree" "$node" /usr/sbin/xtables-nft-multi "${xtables[@]}"
	for name in ip{,6}tables{,-save,-restore}; do
		ln -s xtables-nft-multi "$node/usr/sbin/$name"
	done
	cp "$tree"/usr/bin/busybox "$node/usr/bin/busybox"
	busybox_links "$node"
	# The Pod image.
	with_libraries "$tree" "$curl" /usr/bin/curl
	cp "$tree"/usr/bin/busybox "$curl/usr/bin/busybox"
	busybox_links "$curl"
	mkdir -p "$curl/etc/ssl/certs"
	cat "$tree"/usr/share/ca-certificates/mozilla/*.crt >"$curl/etc/ssl/certs/ca-certificates.crt"
	cp "${dirs[debian]}"/{packages.tsv,locked} "$work/"
}
helpers_userland="with_libraries busybox_links merged_usr"

# ── Pod images, as archives of the kind that `docker save` writes. Several
# images in one archive have the same one layer.
archive() { # TAR TREE NAME CONFIG [NAME CONFIG]…
	local tar=$1 tree=$2 parts=$1.parts layer digest comma=""
	shift 2
	mkdir "$parts"
	tar -c -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --format=gnu . >"$parts/layer.tar"
	layer=$(sha256sum "$parts/layer.tar" | cut -d' ' -f1)
	printf '[' >"$parts/manifest.json"
	while (($#)); do
		printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"kubewalk"}]}' \
			"$(go env GOARCH)" "$2" "$layer" >"$parts/config.json"
		digest=$(sha256sum "$parts/config.json" | cut -d' ' -f1)
		mv "$parts/config.json" "$parts/$digest.json"
		printf '%s{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}' "$comma" "$digest" "$1" >>"$parts/manifest.json"
		comma=,
		shift 2
	done
	printf ']' >>"$parts/manifest.json"
	tar -c -C "$parts" --sort=name --owner=0 --group=0 --mtime=@0 . >"$tar"
	rm -rf "$parts"
}
helpers_images="archive go_build"

build_images() {
	local tree=$work/tree path='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'
	mkdir "$tree"
	gcc -Os -static -s -o "$tree/pause" "$here/images/pause/pause.c"
	archive "$work/pause.tar" "$tree" kubewalk.local/pause:1 "{\"Entrypoint\":[\"/pause\"],$path}"
	rm -rf "$tree"
	cp -a "${dirs[userland]}/curl" "$tree"
	cp -a "$here/images/curl/." "$tree/"
	chmod -R u=rwX,go=rX "$tree/etc"
	mkdir -p "$tree"/{run,root,home,var,proc,sys,dev,usr/local/bin}
	mkdir -m 1777 "$tree/tmp"
	# A token is mounted at /var/run/secrets and read at /run/secrets, too.
	ln -s /run "$tree/var/run"
	(cd "$here/images/webhook" && go_build build -ldflags "-s -w" -o "$tree/usr/bin/webhook" .)
	ln -s webhook "$tree/usr/bin/guard"
	archive "$work/curl.tar" "$tree" kubewalk.local/curl:1 "{\"Cmd\":[\"/bin/sh\"],$path}"
	rm -rf "$tree"
}

# ── containerd's store with both images in it, so that no start has to import.
build_store() {
	mkdir "$work/programs"
	ln -s "${dirs[kube]}/kube" "$work/programs/containerd"
	ln -s "${dirs[kube]}/kube" "$work/programs/ctr"
	bash "$here/build/store.sh" "$work/programs" "$work/containerd" "${dirs[images]}"/*.tar
	rm -rf "$work/programs"
}

build_assemble() {
	local root=$work/rootfs name
	cp -a "${dirs[userland]}/node" "$root"
	cp -a "$here/images/rootfs/." "$root/"
	chmod -R u=rwX,go=rX "$root/etc"
	mkdir -p "$root"/{proc,sys,dev,run,var,tmp,root,etc/kubernetes,kubewalk/logs,opt/cni/bin,usr/local/{bin,sbin},usr/lib/kubewalk}
	# Hard links: a new supervisor must not cost another copy of the rest.
	cp -l "${dirs[kube]}/kube" "$root/usr/local/bin/kube"
	for name in containerd coredns ctr etcd kube-{apiserver,controller-manager,proxy,scheduler} kube{ctl,let}; do
		ln -s kube "$root/usr/local/bin/$name"
	done
	# What the supervisor goes by (node/releases.go).
	echo "$version" >"$root/usr/lib/kubewalk/minor"
	cp -l "${dirs[tools]}/containerd-shim-runc-v2" "$root/usr/local/bin/"
	cp -l "${dirs[tools]}"/{host-local,loopback,ptp,portmap} "$root/opt/cni/bin/"
	cp -l "${dirs[runc]}/runc" "$root/usr/local/sbin/runc"
	cp -l "${dirs[supervisor]}/supervisor" "$root/usr/sbin/init"
	[[ $version == "$newest" ]] || assemble_older "$root"
	# Copied, because its modes change: whoever may read the cache can then load the node into a Docker, and nobody may
	# write there. (The node gives /tmp of a Pod image its mode back.)
	cp -a "${dirs[store]}/containerd" "$root/usr/lib/kubewalk/containerd"
	chmod -R u=rwX,go=rX "$root/usr/lib/kubewalk/containerd"
	# For nodes that are not ours but should have the image, too.
	mkdir "$work/images"
	cp -l "${dirs[images]}/curl.tar" "$work/images/"
	# What the host runs has no link to what the node has.
	cp "${dirs[runc]}/runc" "$work/runc"
	cp "${dirs[supervisor]}/supervisor" "$work/supervisor"
	chmod 755 "$work"/{runc,supervisor} "$root/usr/sbin/init" "$root/usr/local/bin/kube"
	manifest >"$work/manifest.json"
	: >"$work/COMPLETE"
}

# all_of lists what the steps of this product have noted in files of one name.
all_of() { # FILE
	local name
	for name in userland old_containerd kube kubernetes; do
		[[ -z ${dirs[$name]-} || ! -f ${dirs[$name]}/$1 ]] || cat "${dirs[$name]}/$1"
	done | sort -u
}

# part_version says which version of a part is in a node.
part_version() { mod_version "$2"; } # PART MODULE

# manifest says what is in the engine, to the last package.
manifest() {
	local part
	echo '{'
	printf '  "engine": "%s",\n  "minor": "%s",\n  "go": "%s",\n' "$hash" "$version" "$(cd / && go env GOVERSION)"
	printf '  "versions": {\n'
	for part in kubernetes=k8s.io/kubernetes etcd=go.etcd.io/etcd/server/v3 containerd=github.com/containerd/containerd/v2 \
		coredns=github.com/coredns/coredns runc=github.com/opencontainers/runc cni=github.com/containernetworking/plugins; do
		printf '    "%s": "%s"%s\n' "${part%%=*}" "$(part_version "${part%%=*}" "${part#*=}")" "$([[ $part == cni=* ]] || echo ,)"
	done
	printf '  },\n  "locked": %s,\n  "debian": [\n' "$(cat "${dirs[userland]}/locked")"
	all_of packages.tsv | awk -F'\t' '{printf "%s    {\"name\": \"%s\", \"version\": \"%s\", \"sha256\": \"%s\"}", sep, $1, $2, $3; sep = ",\n"} END {print ""}'
	printf '  ],\n  "modules": [\n'
	all_of modules.tsv | awk -F'\t' '{printf "%s    {\"name\": \"%s\", \"version\": \"%s\", \"sum\": \"%s\"}", sep, $1, $2, $3; sep = ",\n"} END {print ""}'
	printf '  ],\n'
	contents "$work"
	printf '}\n'
}
helpers_assemble="manifest contents"

# contents lists every file of a product with its size and sum, and every link, as members of its manifest: kubewalk looks
# whether they are still so before it runs any of them.
contents() { # DIR
	local odd
	odd=$(find "$1" -mindepth 1 \( -name '*["\\]*' -o -name $'*[\001-\037]*' -o ! -type f ! -type l ! -type d \) | head -n1)
	[[ -z $odd ]] || { echo "$odd cannot be listed in the manifest" >&2; return 1; }
	printf '  "files": [\n'
	(cd "$1" && find . -type f ! -path ./manifest.json ! -path ./COMPLETE -printf '%s\t%P\0' | sort -z -t $'\t' -k2 |
		while IFS=$'\t' read -r -d '' size path; do
			printf '%s\t%s\t%s\n' "$path" "$size" "$(sha256sum <"$path" | cut -d' ' -f1)"
		done) |
		awk -F'\t' '{printf "%s    {\"path\": \"%s\", \"size\": %s, \"sha256\": \"%s\"}", sep, $1, $2, $3; sep = ",\n"} END {print ""}'
	printf '  ],\n  "links": [\n'
	(cd "$1" && find . -type l -printf '%P\t%l\n' | sort) |
		awk -F'\t' '{printf "%s    {\"path\": \"%s\", \"to\": \"%s\"}", sep, $1, $2; sep = ",\n"} END {print ""}'
	printf '  ]\n'
}
