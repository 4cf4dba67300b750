// Command kube is Kubernetes' own programs of a node in one file. What else a
// node has, and is not of its version, comes from the newest version's: etcd,
// CoreDNS, containerd.
//
// It holds no Kubernetes code of its own; see main.go of 1.37.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// programs maps the name of a program to the function that runs it.
var programs = map[string]func(){
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
