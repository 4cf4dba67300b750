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
	o, cluster, err := openCluster(*dir)
	if err != nil {
		return usageError("%v", err)
	}
	cluster.close()
	runc, err := beside("runc")
	if err != nil {
		return usageError("%v", err)
	}
	argv := append([]string{runc, "--root", filepath.Join(*dir, runcRoot), "exec", "--cwd", "/root", o.ID}, flags.Args()...)
	err = unix.Exec(runc, argv, os.Environ())
	fmt.Fprintf(os.Stderr, "supervisor: cannot start %s: %v\n", runc, err)
	return exitEnvironment
}

func openCluster(dir string) (o *owner, cluster *folder, err error) {
	dir, name := filepath.Split(strings.TrimRight(dir, "/"))
	base, err := openBase(filepath.Clean(dir))
	if err == nil {
		defer base.close()
		o, err = readOwner(base, name)
	}
	if err == nil {
		cluster, err = base.open(name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("no cluster in %s: %w", filepath.Join(dir, name), err)
	}
	return o, cluster, nil
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
	_, cluster, err := openCluster(*dir)
	if err != nil {
		return usageError("%v", err)
	}
	defer cluster.close()
	// The node can write there: a link or a pipe is not read.
	logs, err := cluster.open(logsDir)
	if err != nil {
		return usageError("%v", err)
	}
	defer logs.close()
	files, _ := logs.names()
	slices.Sort(files)
	var known []string
	for _, file := range files {
		name, isLog := strings.CutSuffix(file, ".log")
		if !isLog {
			continue
		}
		known = append(known, name)
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), name) {
			continue
		}
		f, err := logs.regular(file)
		if err != nil {
			continue
		}
		fmt.Printf("==> %s <==\n", filepath.Join(logs.path, file))
		if *lines > 0 {
			for _, line := range tail.Of(f, *lines) {
				fmt.Println(line)
			}
		} else {
			_, _ = io.Copy(os.Stdout, f)
		}
		_ = f.Close()
	}
	for _, name := range flags.Args() {
		if !slices.Contains(known, name) {
			return usageError("there is no log of %q; there are: %s", name, strings.Join(known, " "))
		}
	}
	return exitOK
}
