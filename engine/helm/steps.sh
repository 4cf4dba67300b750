# The step of the product `helm`: the helm command, where the machine has none.
# It renders charts (`helm template`) and nothing else. Sourced by build.sh after
# the engine's own steps.

steps=(helm)
titles+=([helm]="helm command")
inputs+=([helm]="helm/go.mod helm/go.sum")
after+=([helm]="")

build_helm() {
	cd "$here/helm"
	go_build build -ldflags "-s -w" -o "$work/helm" helm.sh/helm/v3/cmd/helm
	"$work/helm" version --short
	{
		echo '{'
		contents "$work"
		echo '}'
	} >"$work.manifest"
	mv "$work.manifest" "$work/manifest.json"
	: >"$work/COMPLETE"
}
helpers_helm="contents"
