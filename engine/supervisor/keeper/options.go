package keeper

import (
	"fmt"
	"os"
	"path/filepath"
)

// Exit codes, as kubewalk's own.
const (
	exitOK          = 0
	exitUsage       = 2
	exitEnvironment = 3 // the machine lacks something, or the cluster did not come up
	exitLeft        = 6 // something stayed behind
)

// prefix is how everything of ours is called, so that it can be told apart.
const prefix = "kubewalk-"

// cgroupParent is the one cgroup all clusters of the machine share.
const cgroupParent = "kubewalk"

// names of files in a cluster's folder.
const (
	ownerFile      = "owner.json"
	kubeconfigFile = "kubeconfig"
	logsDir        = "logs"
	runcRoot       = "runc"
	bundleDir      = "bundle"
	rootDir        = "root"  // where the node's keeper has the node's root, and nobody else
	emptyDir       = "empty" // nothing
	initLog        = "init.log"
	runcLog        = "runc.log"
)

func usageError(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "supervisor: "+format+"\n", args...)
	return exitUsage
}

// beside is the path of another program of the engine: they are in one folder,
// which whoever started us has looked at.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

// cleanDir makes path absolute: we outlive our starter, and its working
// directory may be gone by then.
func cleanDir(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
