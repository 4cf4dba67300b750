package main

import (
	"context"
	"fmt"
	"os"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins" // all of its plugins
	"github.com/containerd/containerd/v2/cmd/containerd/command"
	"github.com/containerd/containerd/v2/cmd/ctr/app"
)

func runContainerd() { containerdMain("containerd", command.App().Run) }
func runCtr()        { containerdMain("ctr", app.New().Run) }

func containerdMain(name string, run func(context.Context, []string) error) {
	if err := run(context.Background(), os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
