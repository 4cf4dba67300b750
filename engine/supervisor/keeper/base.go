package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// This is the one place that says whether a folder or file is ours alone. The
// base has to be a folder that only we can use; what is in it is opened without
// following links, and the open descriptor is asked whose it is.

// mostOwner is how long an owner.json may be.
const mostOwner = 64 << 10

// clusterName and earlyName are what folders of clusters are called: all that
// is done to one is computed from that name.
var (
	clusterName = regexp.MustCompile(`^kubewalk-[0-9a-f]{10}$`)
	earlyName   = regexp.MustCompile(`^\.kubewalk-[0-9a-f]{10}\.([0-9]{1,10})\.([0-9]{1,20})\.([0-9a-f]{8})\.([0-9a-f]{8})$`)
)

// folder is an open folder of ours.
type folder struct {
	path string
	fd   int
}

// openBase opens the folder in which the clusters' folders are.
func openBase(path string) (*folder, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return private(path, fd)
}

// open opens a folder in this one.
func (f *folder) open(name string) (*folder, error) {
	path := filepath.Join(f.path, name)
	fd, err := unix.Openat(f.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return private(path, fd)
}

func (f *folder) close() { _ = unix.Close(f.fd) }

// private closes a folder again that others can use.
func private(path string, fd int) (*folder, error) {
	var stat unix.Stat_t
	err := unix.Fstat(fd, &stat)
	switch {
	case err != nil:
	case int(stat.Uid) != os.Geteuid():
		err = fmt.Errorf("it belongs to another user (%d)", stat.Uid)
	case stat.Mode&0o077 != 0:
		err = fmt.Errorf("others can use it (its mode is %o)", stat.Mode&0o7777)
	default:
		return &folder{path, fd}, nil
	}
	_ = unix.Close(fd)
	return nil, fmt.Errorf("%s is not ours alone, so nothing in it is believed: %w", path, err)
}

// names lists what is in the folder.
func (f *folder) names() ([]string, error) {
	fd, err := unix.Openat(f.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	dir := os.NewFile(uintptr(fd), f.path)
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// read reads a file in the folder: a regular one of ours, and not too long. A
// pipe or a device is not waited for.
func (f *folder) read(name string) ([]byte, error) {
	file, err := f.regular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostOwner+1))
	if err == nil && len(data) > mostOwner {
		err = errors.New("it is too long")
	}
	return data, err
}

// regular opens a regular file of ours in the folder.
func (f *folder) regular(name string) (*os.File, error) {
	flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Openat(f.fd, name, flags, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(f.path, name), Err: err}
	}
	var stat unix.Stat_t
	err = unix.Fstat(fd, &stat)
	switch {
	case err != nil:
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		err = errors.New("it is not a regular file")
	case int(stat.Uid) != os.Geteuid():
		err = fmt.Errorf("it belongs to another user (%d)", stat.Uid)
	default:
		return os.NewFile(uintptr(fd), filepath.Join(f.path, name)), nil
	}
	_ = unix.Close(fd)
	return nil, fmt.Errorf("%s: %w", filepath.Join(f.path, name), err)
}
