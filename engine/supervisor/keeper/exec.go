package keeper

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kubewalk.local/engine/supervisor/tail"
)

// Exec is `keeper exec`: it becomes `runc exec`, so that input, output, signals
// and the exit code are the command's own.
func Exec(args []string) int {
	flags := flag.NewFlagSet("keeper exec", flag.ContinueOnError)
	dir := flags.String("dir", "", "the cluster's folder")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *dir == "" || flags.NArg() == 0 {
		return usageError("keeper exec needs --dir and, after --, a command")
	}
	o, err := openCluster(*dir)
	if err != nil {
		return usageError("%v", err)
	}
	runc := filepath.Join(o.Engine, "runc")
	argv := append([]string{runc, "--root", filepath.Join(*dir, runcRoot), "exec", "--cwd", "/root", o.ID}, flags.Args()...)
	err = unix.Exec(runc, argv, os.Environ())
	fmt.Fprintf(os.Stderr, "supervisor: cannot start %s: %v\n", runc, err)
	return exitEnvironment
}

func openCluster(dir string) (*owner, error) {
	o, err := readOwner(strings.TrimRight(dir, "/"))
	if err != nil {
		return nil, fmt.Errorf("no cluster in %s: %w", dir, err)
	}
	return o, nil
}

// Logs is `keeper logs`: the end of each component's log, or of those named.
func Logs(args []string) int {
	flags := flag.NewFlagSet("keeper logs", flag.ContinueOnError)
	dir := flags.String("dir", "", "the cluster's folder")
	lines := flags.Int("lines", 0, "print only so many last lines of each")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *dir == "" {
		return usageError("keeper logs needs --dir")
	}
	if _, err := openCluster(*dir); err != nil {
		return usageError("%v", err)
	}
	paths, _ := filepath.Glob(filepath.Join(*dir, logsDir, "*.log"))
	var known []string
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		known = append(known, name)
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), name) {
			continue
		}
		fmt.Printf("==> %s <==\n", path)
		if *lines > 0 {
			for _, line := range tail.File(path, *lines) {
				fmt.Println(line)
			}
		} else if f, err := os.Open(path); err == nil {
			_, _ = io.Copy(os.Stdout, f)
			_ = f.Close()
		}
	}
	for _, name := range flags.Args() {
		if !slices.Contains(known, name) {
			return usageError("there is no log of %q; there are: %s", name, strings.Join(known, " "))
		}
	}
	return exitOK
}
