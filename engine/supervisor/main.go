// Command supervisor starts, watches and ends one throw-away Kubernetes node.
//
// It is one static binary with two roles. As `keeper` it runs on the host: it
// makes a private folder, starts the node image as a runc container, hands the
// API's address to whoever started it, and removes every trace at the end. As
// `init` it is process 1 inside the node and brings up the components of
// Kubernetes.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"kubewalk.local/engine/supervisor/keeper"
	"kubewalk.local/engine/supervisor/node"
)

const usage = `usage:
  supervisor keeper run --engine DIR --base DIR [--budget 120s] [--memory BYTES] [--untrusted] [--shape JSON]
  supervisor keeper exec --dir CLUSTER_DIR -- COMMAND [ARGUMENT...]
  supervisor keeper logs --dir CLUSTER_DIR [--lines N] [COMPONENT...]
  supervisor keeper sweep --base DIR [--dry-run]
  supervisor init [--listen-fd N] [--hold-stdin] [--budget 120s] [--untrusted] [--shape JSON] [--apiserver-arg NAME=VALUE]
`

func main() {
	args := os.Args[1:]
	// In the node image the file is called /sbin/init, and is process 1.
	if filepath.Base(os.Args[0]) == "init" {
		os.Exit(node.Main(args))
	}
	if len(args) >= 1 && args[0] == "init" {
		os.Exit(node.Main(args[1:]))
	}
	if len(args) >= 2 && args[0] == "keeper" {
		switch args[1] {
		case "run":
			os.Exit(keeper.Run(args[2:]))
		case "exec":
			os.Exit(keeper.Exec(args[2:]))
		case "logs":
			os.Exit(keeper.Logs(args[2:]))
		case "inside":
			os.Exit(keeper.Inside(args[2:]))
		case "sweep":
			os.Exit(keeper.SweepMain(args[2:]))
		}
	}
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
}
