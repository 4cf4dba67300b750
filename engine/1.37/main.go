// Command kube is every long-running program of a Kubernetes node in one file.
//
// It holds no Kubernetes code of its own: it looks at the name it was started
// with and calls that project's public entry point, the same one that the
// project's own main package calls. One file instead of ten saves about 700 MB
// of disk and page cache, because most of what those programs are made of is
// the same libraries.
//
// Each component still runs as a process of its own. They register flags and
// signal handlers globally, so two of them cannot share a process.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// programs maps the name of a program to the function that runs it. The entry
// points are in one small file per project beside this one.
var programs = map[string]func(){
	"containerd":              runContainerd,
	"coredns":                 runCoreDNS,
	"ctr":                     runCtr,
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-proxy":              runProxy,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
	"kubelet":                 runKubelet,
}

func main() {
	name := filepath.Base(os.Args[0])
	// `kube kubelet …` works too, for a look by hand without the links.
	if _, known := programs[name]; !known && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	run, known := programs[name]
	if !known {
		names := make([]string, 0, len(programs))
		for n := range programs {
			names = append(names, n)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "kube: no program %q; there are: %s\n", name, strings.Join(names, " "))
		os.Exit(2)
	}
	startFast()
	run()
}
