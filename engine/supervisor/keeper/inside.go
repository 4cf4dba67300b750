package keeper

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Inside is `keeper inside`, which the keeper starts in a mount namespace of its
// own: it mounts the node's root there and becomes runc, to which all that was
// handed down is passed on.
//
// The root is an overlay of the engine's image and nothing else. It has no upper
// layer, so the kernel itself has no way to write to it, also not after a
// remount; and what is below it cannot be reached through it, also not by a file
// handle. So whatever a Pod does, the image stays as it was built.
func Inside(args []string) int {
	flags := flag.NewFlagSet("keeper inside", flag.ContinueOnError)
	rootfs := flags.String("rootfs", "", "the node's image")
	dir := flags.String("dir", "", "the cluster's folder")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *rootfs == "" || *dir == "" || flags.NArg() == 0 {
		return usageError("keeper inside needs --rootfs, --dir and, after --, a command")
	}
	if err := mountRoot(*rootfs, *dir); err != nil {
		fmt.Fprintf(os.Stderr, "cannot mount the node's root: %v\n", err)
		return exitEnvironment
	}
	err := unix.Exec(flags.Arg(0), flags.Args(), os.Environ())
	fmt.Fprintf(os.Stderr, "cannot start %s: %v\n", flags.Arg(0), err)
	return exitEnvironment
}

func mountRoot(rootfs, dir string) error {
	// Nothing of this may be seen outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	// By open folders, since a path may hold any character of the option's own
	// grammar; and the node need not know where they are. A second layer is
	// needed where there is no upper one.
	var lower [2]int
	for i, path := range []string{rootfs, filepath.Join(dir, emptyDir)} {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: path, Err: err}
		}
		defer unix.Close(fd)
		lower[i] = fd
	}
	options := fmt.Sprintf("lowerdir=/proc/self/fd/%d:/proc/self/fd/%d,index=off,nfs_export=off", lower[0], lower[1])
	return unix.Mount("kubewalk", filepath.Join(dir, rootDir), "overlay", unix.MS_RDONLY, options)
}
