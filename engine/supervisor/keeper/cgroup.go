package keeper

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupMounts lists where this machine's cgroup hierarchies are mounted: one on
// v2, one a controller on v1, both kinds on a hybrid.
func cgroupMounts() []string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(string(data))
}

func parseMounts(text string) []string {
	var mounts []string
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 1 || seen[fields[4]] {
			continue
		}
		// A bind mount of a part of a hierarchy is not its top.
		if (kind[0] == "cgroup" || kind[0] == "cgroup2") && fields[3] == "/" {
			seen[fields[4]] = true
			mounts = append(mounts, fields[4])
		}
	}
	return mounts
}

// lockParent keeps the shared parent cgroup from being removed by one keeper
// while runc makes another's group in it. The lock is on a directory that
// exists anyway, so that nothing is left by it.
func lockParent(how int) (unlock func(), ok bool) {
	fd, err := unix.Open("/sys/fs/cgroup", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}, true
	}
	if err := unix.Flock(fd, how); err != nil {
		_ = unix.Close(fd)
		return func() {}, false
	}
	return func() { _ = unix.Close(fd) }, true
}

// share is the clusters' part of a busy processor, counted in ordinary processes
// (1024 is one). A group counts as one, however many are in it, and a node is a
// dozen: beside a busy compiler its start would take three times as long.
const (
	share  = 8 * 1024
	weight = 8 * 100 // the same for cgroup v2
)

// favourParent gives that part to the group that all clusters share. (runc sets
// it for a cluster's own group, which only counts among clusters.)
func favourParent(tops []string) {
	for _, top := range tops {
		parent := filepath.Dir(top)
		for file, value := range map[string]int{"cpu.shares": share, "cpu.weight": weight} {
			// No O_CREATE: each file is in one hierarchy only. Not being
			// favoured is no reason to fail.
			if f, err := os.OpenFile(filepath.Join(parent, file), os.O_WRONLY, 0); err == nil {
				_, _ = f.WriteString(strconv.Itoa(value))
				_ = f.Close()
			}
		}
	}
}

// groupsBelow lists a cgroup and all in it, the deepest first.
func groupsBelow(top string) []string {
	var groups []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	for i, j := 0, len(groups)-1; i < j; i, j = i+1, j-1 {
		groups[i], groups[j] = groups[j], groups[i]
	}
	return groups
}

// thaw lets the processes in the groups go on. On v1, one that is frozen does not
// even die.
func thaw(groups []string) {
	for _, group := range groups {
		for file, word := range map[string]string{"freezer.state": "THAWED", "cgroup.freeze": "0"} {
			// No O_CREATE: each file is in one hierarchy only.
			if f, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0); err == nil {
				_, _ = f.WriteString(word)
				_ = f.Close()
			}
		}
	}
}

// killGroup kills every process in the groups. They are ours by name, so that no
// process of somebody else can be in them.
func killGroup(groups []string) {
	thaw(groups)
	for _, group := range groups {
		data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}

// removeCgroups ends and removes the given groups, and says what stayed. A group
// is busy for a moment after its last process is gone, hence the retries.
func removeCgroups(tops []string, limit time.Duration) []string {
	deadline := time.Now().Add(limit)
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		var left []string
		for _, top := range tops {
			groups := groupsBelow(top)
			for _, group := range groups {
				if err := unix.Rmdir(group); err == unix.EBUSY {
					killGroup(groups)
				}
			}
			if _, err := os.Lstat(top); !errors.Is(err, fs.ErrNotExist) {
				left = append(left, top)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			removeParents(tops)
			return left
		}
		time.Sleep(wait)
	}
}

// removeParents removes the groups that all clusters share when nothing is in
// them. Where another keeper is just starting, it is left to that one.
func removeParents(tops []string) {
	unlock, ok := lockParent(unix.LOCK_EX | unix.LOCK_NB)
	if !ok {
		return
	}
	defer unlock()
	for _, top := range tops {
		_ = unix.Rmdir(filepath.Dir(top))
	}
}
