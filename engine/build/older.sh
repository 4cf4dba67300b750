# The steps of a version that is not the newest: a step for its own Kubernetes.
# All else is made by the same steps from the same sources as for the newest:
# etcd, CoreDNS, containerd, runc, the network plugins, the supervisor, the
# images. What a version needs beside is in steps.sh of its folder. Sourced by
# build.sh after steps.sh.

# version_of says which version of a module is pinned by the version itself.
version_of() { awk -v m="$1" '$1 == m && $2 ~ /^v/ {print $2; exit}' "$here/$version/go.mod"; }

steps=(debian modules kube tools runc supervisor userland images store kubernetes assemble)
titles+=(
	[kube]="etcd, CoreDNS, containerd, and Kubernetes $minor"
	[kubernetes]="Kubernetes $(version_of k8s.io/kubernetes)"
)
inputs+=([kubernetes]="$version/*.go $version/go.mod $version/go.sum")
after+=([kubernetes]="" [assemble]="kube tools runc supervisor userland images store kubernetes")
progress+=([kubernetes]=packages)

# ── Kubernetes' own programs in one. The module is copied, so that
# what a version has to make first lies beside it and in no cache of Go's.
build_kubernetes() {
	local pinned place flags="-s -w"
	pinned=$(version_of k8s.io/kubernetes)
	# Both say it to somebody, as upstream's own build knows.
	for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $place.gitVersion=$pinned -X $place.gitMajor=1 -X $place.gitMinor=${version#1.} -X $place.gitTreeState=clean"
	done
	mkdir "$work/module"
	cp -L "$here/$version"/*.go "$here/$version"/go.{mod,sum} "$work/module/"
	cd "$work/module"
	complete_kubernetes
	echo "packages: $(go_build list -deps . | wc -l)"
	go_build build -v -o "$work/kubernetes" -ldflags "$flags" .
	linked_modules "$work/kubernetes" >"$work/modules.tsv"
	cd /
	rm -rf "$work"/{module,source}
}
helpers_kubernetes="complete_kubernetes linked_modules"

# complete_kubernetes makes what the published module lacks: here nothing.
complete_kubernetes() { :; }

# linked_modules lists the modules in a program with their versions and sums; of
# one that another took the place of, the other. What is copied has no sum.
linked_modules() {
	go version -m "$1" | awk -F'\t' '
		$2 == "dep" { if (last != "") print last; last = $3 "\t" $4 "\t" $5 }
		$2 == "=>" && $5 != "" { last = $3 "\t" $4 "\t" $5 }
		END { print last }'
}

# assemble_older lays a version's own programs over those of the newest.
assemble_older() { # ROOT
	local name
	cp -l "${dirs[kubernetes]}/kubernetes" "$1/usr/local/bin/kubernetes"
	chmod 755 "$1/usr/local/bin/kubernetes"
	for name in kube-{apiserver,controller-manager,proxy,scheduler} kube{ctl,let}; do
		ln -sf kubernetes "$1/usr/local/bin/$name"
	done
	assemble_version "$1"
}

# assemble_version lays over what else a version has of its own: here nothing.
assemble_version() { :; }

part_version() { # PART MODULE
	if [[ $1 == kubernetes ]]; then version_of "$2"; else mod_version "$2"; fi
}
