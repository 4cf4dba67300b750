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

// cgroupsOf computes a cluster's groups from its id, one in each hierarchy of
// this machine: never read, since what is in them is killed. A hierarchy counts
// that is one by the kernel's own word, and root's or ours.
func cgroupsOf(id string) []string {
	if !clusterName.MatchString(id) {
		return nil
	}
	var groups []string
	for _, mount := range cgroupMounts() {
		if isCgroup(mount) {
			groups = append(groups, filepath.Join(mount, cgroupParent, id))
		}
	}
	return groups
}

// isCgroup says whether a folder is a cgroup that nobody but root or we can have
// filled.
func isCgroup(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	var stat unix.Stat_t
	if unix.Fstatfs(fd, &fs) != nil || unix.Fstat(fd, &stat) != nil {
		return false
	}
	ours := stat.Uid == 0 || int(stat.Uid) == os.Geteuid()
	return ours && (int64(fs.Type) == unix.CGROUP_SUPER_MAGIC || int64(fs.Type) == unix.CGROUP2_SUPER_MAGIC)
}

// makeCgroups makes a cluster's groups before runc does. The parent, which all
// clusters share, is removed by whoever leaves last; with our group in it, it
// stays. No lock is needed for that: where the parent has just gone, it is made
// again. What cannot be made, runc says better.
func makeCgroups(id string) {
	for _, top := range cgroupsOf(id) {
		for try := 0; try < 100; try++ {
			_ = unix.Mkdir(filepath.Dir(top), 0o755)
			if err := unix.Mkdir(top, 0o755); err != unix.ENOENT {
				break
			}
		}
	}
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
// process of somebody else can be in them; and each is looked at again once it
// is held fast, because a number may be another's by then.
func killGroup(groups []string, id string) {
	thaw(groups)
	for _, group := range groups {
		data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
				killIn(pid, id)
			}
		}
	}
}

// killIn kills a process if it is in a group of that cluster.
func killIn(pid int, id string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil && err != unix.ENOSYS {
		return
	}
	if err == nil {
		defer unix.Close(fd)
	}
	data, readErr := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if readErr != nil || !inGroup(string(data), id) {
		return
	}
	if err == unix.ENOSYS { // before Linux 5.3
		_ = unix.Kill(pid, unix.SIGKILL)
		return
	}
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// inGroup reads /proc/PID/cgroup.
func inGroup(text, id string) bool {
	for line := range strings.Lines(text) {
		if strings.Contains(strings.TrimSpace(line)+"/", "/"+cgroupParent+"/"+id+"/") {
			return true
		}
	}
	return false
}

// removeCgroups ends and removes a cluster's groups, and says what stayed. A
// group is busy for a moment after its last process is gone, hence the retries.
func removeCgroups(id string, deadline time.Time) []string {
	tops := cgroupsOf(id)
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		var left []string
		for _, top := range tops {
			groups := groupsBelow(top)
			for _, group := range groups {
				if err := unix.Rmdir(group); err == unix.EBUSY {
					killGroup(groups, id)
				}
			}
			if _, err := os.Lstat(top); !errors.Is(err, fs.ErrNotExist) {
				left = append(left, top)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			// The one that all clusters share goes when nothing is in it.
			for _, top := range tops {
				_ = unix.Rmdir(filepath.Dir(top))
			}
			return left
		}
		time.Sleep(wait)
	}
}
