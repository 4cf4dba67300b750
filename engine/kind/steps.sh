# The steps of two products for `--cluster kind`. Sourced by build.sh after the
# engine's own steps, most of which the second one builds on.
#
# `kind`: the kind command, where the machine has none.
#
# `kind-node`: a stand-in for kindest/node, so that the kind command can be
# tried where no image registry is reached. Its user land is Debian's, laid over
# with the files of kind's own base image; Kubernetes is the engine's program
# and kubeadm. It is not the published image: see README.md in this folder.

kind_node_image=kubewalk.local/kind-node-stand-in:$(mod_version k8s.io/kubernetes)

if [[ $product == kind ]]; then
	steps=(kind)
else
	steps=(debian kind_packages kind_files modules kube tools runc userland images kubeadm kind_images kind_store kind_node)
fi
titles+=(
	[kind]="kind command"
	[kind_packages]="Debian packages of the kind node"
	[kind_files]="kind's base files"
	[kubeadm]="kubeadm"
	[kind_images]="control plane images"
	[kind_store]="image store of the kind node"
	[kind_node]="kind node image"
)
inputs+=(
	[kind]="kind/go.mod kind/go.sum" [kind_packages]="" [kind_files]="kind/go.mod kind/go.sum" [kubeadm]="$minor/go.mod $minor/go.sum"
	[kind_images]="images/rootfs" [kind_store]="build/store.sh" [kind_node]="kind/node images/rootfs"
)
after+=(
	[kind]="" [kind_packages]="" [kind_files]="" [kubeadm]="" [kind_images]="kube kubeadm userland images kind_files"
	[kind_store]="kind_images kube" [kind_node]="kind_packages kind_files kubeadm kube tools runc kind_store"
)

build_kind() {
	cd "$here/kind"
	go_build build -ldflags "-s -w" -o "$work/kind" sigs.k8s.io/kind
	"$work/kind" version
	{
		echo '{'
		contents "$work"
		echo '}'
	} >"$work.manifest"
	mv "$work.manifest" "$work/manifest.json"
	: >"$work/COMPLETE"
}
helpers_kind="contents"

# ── What kind's base image installs, less what only other storage needs, and
# what a published Debian image has besides.
build_kind_packages() {
	fetch_packages systemd systemd-sysv conntrack iptables nftables iproute2 ethtool util-linux mount kmod libseccomp2 \
		bash ca-certificates curl jq procps \
		base-files base-passwd coreutils dash debianutils dpkg findutils grep gzip hostname libc-bin mawk sed tar usr-is-merged
	rm -rf "$work"/tree/usr/share/{doc,man,info,locale,lintian,bug,zoneinfo} "$work"/tree/usr/lib/*/gconv
}
helpers_kind_packages="fetch_packages merged_usr unpack"

# ── The files of kind's base image, from kind's own module. A module does not
# keep modes; these are the ones that kind's Dockerfile gives.
build_kind_files() {
	cd "$here/kind"
	go_build mod download sigs.k8s.io/kind
	cp -R "$(go_build list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files" "$work/files"
	chmod -R u=rwX,go=rX "$work/files"
	chmod 755 "$work"/files/usr/local/bin/* "$work"/files/kind/bin/*
	# containerd takes this one for every Pod; its name comes from upstream.
	sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p' "$work/files/etc/containerd/config.toml" >"$work/sandbox"
	[[ -s $work/sandbox ]]
}

build_kubeadm() {
	local version v=k8s.io/component-base/version
	version=$(mod_version k8s.io/kubernetes)
	cd "$here/$minor"
	go_build build -o "$work/kubeadm" \
		-ldflags "-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=${minor#1.} -X $v.gitTreeState=clean" \
		k8s.io/kubernetes/cmd/kubeadm
	"$work/kubeadm" config images list --kubernetes-version "$version" >"$work/images"
	cat "$work/images"
}

# ── The images that kubeadm's manifests name. All are one layer: the engine's
# program under each name, and the node's iptables for kube-proxy.
build_kind_images() {
	local tree=$work/tree name list=() pause path='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'
	cp -a "${dirs[userland]}/node" "$tree"
	cp -a "$here/images/rootfs/." "$tree/"
	rm "$tree"/etc/{hosts,resolv.conf} # a Pod gets its own
	chmod -R u=rwX,go=rX "$tree/etc"
	mkdir -p "$tree"/{run,root,var,proc,sys,dev,usr/local/bin}
	mkdir -m 1777 "$tree/tmp"
	cp -l "${dirs[kube]}/kube" "$tree/usr/local/bin/kube"
	for name in coredns etcd kube-{apiserver,controller-manager,proxy,scheduler}; do
		ln -s kube "$tree/usr/local/bin/$name"
	done
	while read -r name; do
		case $name in
		*/pause:*) ;; # the sandbox is containerd's affair
		*/coredns:*) list+=("$name" "{\"Entrypoint\":[\"/usr/local/bin/coredns\"],$path}") ;;
		*) list+=("$name" "{$path}") ;;
		esac
	done <"${dirs[kubeadm]}/images"
	archive "$work/control-plane.tar" "$tree" "${list[@]}"
	rm -rf "$tree"
	mkdir "$tree"
	pause=$(<"${dirs[kind_files]}/sandbox")
	tar -xOf "${dirs[images]}/pause.tar" ./layer.tar | tar -x -C "$tree"
	archive "$work/pause.tar" "$tree" "$pause" "{\"Entrypoint\":[\"/pause\"],$path}"
	rm -rf "$tree"
}
helpers_kind_images="archive"

build_kind_store() {
	mkdir "$work/programs"
	ln -s "${dirs[kube]}/kube" "$work/programs/containerd"
	ln -s "${dirs[kube]}/kube" "$work/programs/ctr"
	bash "$here/build/store.sh" "$work/programs" "$work/containerd" "${dirs[kind_images]}"/*.tar
	rm -rf "$work/programs"
}

# ── The image, as an archive for `docker load`.
build_kind_node() {
	local tree=$work/tree name
	cp -a "${dirs[kind_packages]}/tree" "$tree"
	debian_defaults "$tree"
	cp -a "${dirs[kind_files]}/files/." "$tree/"
	cp -a "$here/kind/node/." "$tree/"
	chmod -R u=rwX,go=rX "$tree"/{etc,kind/manifests}
	mkdir -p "$tree"/{opt/cni/bin,etc/kubernetes/manifests,var/lib/containerd,usr/local/sbin}
	cp -l "${dirs[kube]}/kube" "$tree/usr/local/bin/kube"
	for name in containerd ctr; do ln -s kube "$tree/usr/local/bin/$name"; done
	for name in kubelet kubectl; do ln -s ../local/bin/kube "$tree/usr/bin/$name"; done
	cp -l "${dirs[kubeadm]}/kubeadm" "$tree/usr/bin/kubeadm"
	cp -l "${dirs[tools]}/containerd-shim-runc-v2" "$tree/usr/local/bin/"
	cp -l "${dirs[tools]}"/{host-local,loopback,ptp,portmap} "$tree/opt/cni/bin/"
	cp -l "${dirs[runc]}/runc" "$tree/usr/local/sbin/runc"
	cp -al "${dirs[kind_store]}/containerd/." "$tree/var/lib/containerd/"
	mod_version k8s.io/kubernetes | tr -d '\n' >"$tree/kind/version"
	systemd_units "$tree"
	settings "$tree"
	archive "$work/image.tar" "$tree" "$kind_node_image" \
		'{"Env":["container=docker","PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"StopSignal":"SIGRTMIN+3","Entrypoint":["/usr/local/bin/entrypoint","/sbin/init"]}'
	rm -rf "$tree"
	cp "${dirs[kind_packages]}/packages.tsv" "$work/"
	echo "$kind_node_image" >"$work/name"
	tar -xOf "$work/image.tar" ./manifest.json | sed 's/.*"Config":"\([0-9a-f]*\).*/\1/' >"$work/id"
	: >"$work/COMPLETE"
}
helpers_kind_node="archive debian_defaults systemd_units settings"

# debian_defaults does what the packages' own scripts would do and the node needs.
debian_defaults() { # TREE
	local tree=$1 mode
	cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
	cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
	cp "$here/images/rootfs/etc/nsswitch.conf" "$tree/etc/nsswitch.conf"
	cat "$tree"/usr/share/ca-certificates/mozilla/*.crt >"$tree/etc/ssl/certs/ca-certificates.crt"
	[[ -e $tree/usr/bin/sh ]] || ln -s dash "$tree/usr/bin/sh"
	[[ -e $tree/usr/bin/awk ]] || ln -s mawk "$tree/usr/bin/awk"
	[[ -e $tree/usr/bin/which ]] || ln -s which.debianutils "$tree/usr/bin/which"
	mkdir -p "$tree"/{var/lib/dpkg/alternatives,etc/alternatives,var/log,root}
	mkdir -p -m 1777 "$tree"/{tmp,var/tmp}
	# kind's entry point chooses between the two by this means.
	for mode in legacy nft; do
		for name in iptables ip6tables; do
			update-alternatives --quiet --root "$tree" --log /dev/null --install "/usr/sbin/$name" "$name" "/usr/sbin/$name-$mode" 10 \
				--slave "/usr/sbin/$name-restore" "$name-restore" "/usr/sbin/$name-$mode-restore" \
				--slave "/usr/sbin/$name-save" "$name-save" "/usr/sbin/$name-$mode-save"
		done
	done
}

# systemd_units leaves the units that kind's Dockerfile leaves.
systemd_units() { # TREE
	local tree=$1 lib=$1/usr/lib/systemd/system etc=$1/etc/systemd/system unit
	rm -f "$lib"/sysinit.target.wants/systemd-tmpfiles-setup.service "$lib"/{multi-user,local-fs,basic}.target.wants/* "$etc"/*.wants/*
	rm -f "$lib"/sockets.target.wants/*{udev,initctl}*
	echo "ReadKMsg=no" >>"$tree/etc/systemd/journald.conf"
	mkdir -p "$etc/multi-user.target.wants"
	for unit in kubelet containerd undo-mount-hacks; do
		ln -s "/etc/systemd/system/$unit.service" "$etc/multi-user.target.wants/"
	done
	ln -s /dev/null "$etc/systemd-binfmt.service"
}

# settings changes what this image has differently from kind's: cgroup v1 is
# still let in, containerd does without CAP_SYS_RESOURCE, and it sets up the
# Pods' network itself, since kind's own plug-in is an image of its own.
settings() { # TREE
	local tree=$1 config=$1/etc/containerd/config.toml
	sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$config"
	grep -q 'restrict_oom_score_adj = true' "$config"
	printf '\n[plugins."io.containerd.grpc.v1.cri".cni]\n  conf_template = "/etc/containerd/cni.tmpl"\n' >>"$config"
	sed -i '/^KUBELET_EXTRA_ARGS=/s/$/ --fail-cgroupv1=false/' "$tree/etc/default/kubelet"
	grep -q -e '--fail-cgroupv1=false' "$tree/etc/default/kubelet"
	# As kind's Dockerfile makes it.
	"${dirs[kube]}/kube" ctr oci spec | chroot "$tree" jq \
		'.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' >"$work/cri-base.json"
	mv "$work/cri-base.json" "$tree/etc/containerd/cri-base.json"
}
