package keeper

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// deepest bounds how many folders are open at once: what is deeper comes up to
// the top first. A Pod can fill the logs' folder as it likes.
const deepest = 48

var errLate = errors.New("there is more in it than could be removed in time")

// removal removes a tree by open folders: no link is followed, and no other
// file system or mount is entered.
type removal struct {
	top      int
	place    place
	deadline time.Time
	moved    int
	first    error // the first thing that stayed; the others go all the same
}

// removeTree removes name of a folder and all in it.
func removeTree(dir int, name string, deadline time.Time) error {
	switch err := unix.Unlinkat(dir, name, 0); err {
	case nil, unix.ENOENT:
		return nil
	case unix.EISDIR, unix.EPERM:
	default:
		return err
	}
	top, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	r := &removal{top: top, place: placeOf(top), deadline: deadline}
	if placeOf(dir) != r.place {
		return fmt.Errorf("something is mounted on %s", name)
	}
	for more := true; more && r.first == nil; {
		n, err := r.pass(top, 0)
		if err != nil {
			return err
		}
		more = n > 0
	}
	if r.first != nil {
		return r.first
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

func openDir(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// pass removes what is in a folder and says how many entries it had.
func (r *removal) pass(dir, depth int) (int, error) {
	names, err := (&folder{fd: dir}).names()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if time.Now().After(r.deadline) {
			return 0, errLate
		}
		err := r.one(dir, name, depth)
		if errors.Is(err, errLate) {
			return 0, err
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) && r.first == nil {
			r.first = fmt.Errorf("%s: %w", name, err)
		}
	}
	return len(names), nil
}

func (r *removal) one(dir int, name string, depth int) error {
	if err := unix.Unlinkat(dir, name, 0); err != unix.EISDIR && err != unix.EPERM {
		return err
	}
	if depth >= deepest {
		r.moved++
		return unix.Renameat(dir, name, r.top, fmt.Sprintf(".deep-%d", r.moved))
	}
	below, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(below)
	if placeOf(below) != r.place {
		return errors.New("something is mounted there")
	}
	if _, err := r.pass(below, depth+1); err != nil {
		return err
	}
	err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY && r.first != nil {
		return nil // what stays in it has been noted
	}
	return err
}

// place is a file system, and the mount where the kernel can tell: a folder can
// be mounted below itself.
type place struct{ device, mount uint64 }

func placeOf(fd int) place {
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil {
		return place{}
	}
	at := place{device: uint64(stat.Dev)}
	var more unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &more) == nil && more.Mask&unix.STATX_MNT_ID != 0 {
		at.mount = more.Mnt_id
	}
	return at
}
