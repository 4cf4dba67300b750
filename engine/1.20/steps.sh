# What Kubernetes 1.20 needs beside what every version has. Sourced by build.sh.

# Up to 1.22 the kubelet speaks CRI v1alpha2 only, which containerd 2 has no
# more: containerd 1 comes from the distribution, and so does the shim, which
# is made for it.
lock_folder=1.20/debian lock_packages=(containerd)
steps=(debian old_debian modules kube tools runc supervisor userland old_containerd images store kubernetes assemble)
titles+=(
	[old_debian]="Debian packages of Kubernetes 1.20"
	[old_containerd]="containerd 1"
)
inputs+=([old_debian]="$(debian_lock 1.20/debian)" [old_containerd]="" [store]="build/store.sh")
after+=([old_debian]="" [old_containerd]="old_debian" [store]="images old_containerd"
	[assemble]="${after[assemble]} old_containerd")
locks+=([old_debian]=yes)

build_old_debian() {
	local lock=${inputs[old_debian]}
	fetch_packages "${lock_packages[@]}"
	compare_with_lock
}
helpers_old_debian=$helpers_debian

build_old_containerd() {
	local tree=${dirs[old_debian]}/tree
	merged_usr "$work/root"
	with_libraries "$tree" "$work/root" /usr/bin/containerd /usr/bin/ctr /usr/bin/containerd-shim-runc-v2
	grep -P '^containerd\t' "${dirs[old_debian]}/packages.tsv" >"$work/packages.tsv"
}
helpers_old_containerd="with_libraries merged_usr"

# Each containerd keeps its store in its own way.
build_store() {
	bash "$here/build/store.sh" "${dirs[old_containerd]}/root/usr/bin" "$work/containerd" "${dirs[images]}"/*.tar
}

# ── Kubernetes 1.20 had pkg/generated/openapi not checked in. Its own generator,
# in the version that it pins, makes it as its Makefile does; what it finds to
# complain about must be what upstream knows.
complete_kubernetes() {
	local module dir packages=""
	while read -r module dir; do
		packages+=$(cd "$dir" && { grep -rl --include='*.go' '+k8s:openapi-gen=' . || true; } | xargs -r -n1 dirname | sort -u |
			sed "s|^\.|,$module|" | tr -d '\n')
	done < <(go_build mod download -json $(sed -n 's|^\t\(k8s.io/[a-z-]*\) => k8s.io/[a-z-]* v0.20.*|\1|p' go.mod | grep -v -e '/code-generator$' -e '/sample-') |
		sed -n 's/^\t"Path": "\(.*\)",$/\1/p; s/^\t"Dir": "\(.*\)",$/\1/p' | paste -d' ' - -)
	go_build mod download k8s.io/kubernetes
	dir=$(go_build list -m -f '{{.Dir}}' k8s.io/kubernetes)
	mkdir "$work/source"
	# A module's cache may not be written to, and nothing lies over it in a build.
	cp -r "$dir"/{cmd,pkg,plugin,third_party,go.mod} "$work/source/"
	chmod -R u+w "$work/source"
	: >"$work/header"
	go_build build -o "$work/openapi-gen" k8s.io/kube-openapi/cmd/openapi-gen
	GODEBUG=gotypesalias=0 "$work/openapi-gen" -i "${packages#,}" -p k8s.io/kubernetes/pkg/generated/openapi \
		-O zz_generated.openapi -h "$work/header" -r "$work/complaints" -o "$work/made"
	cmp "$work/complaints" "$dir/api/api-rules/violation_exceptions.list"
	cp "$work/made/k8s.io/kubernetes/pkg/generated/openapi/zz_generated.openapi.go" "$work/source/pkg/generated/openapi/"
	go mod edit -replace "k8s.io/kubernetes=../source"
	rm -rf "$work"/{made,header,openapi-gen,complaints}
}

assemble_version() { # ROOT
	local name
	cp -a -n "${dirs[old_containerd]}/root/usr/lib/." "$1/usr/lib/"
	for name in containerd ctr containerd-shim-runc-v2; do
		cp --remove-destination "${dirs[old_containerd]}/root/usr/bin/$name" "$1/usr/local/bin/$name"
	done
}

part_version() { # PART MODULE
	case $1 in
	kubernetes) version_of "$2" ;;
	containerd) cut -f2 "${dirs[old_containerd]}/packages.tsv" ;;
	*) mod_version "$2" ;;
	esac
}
