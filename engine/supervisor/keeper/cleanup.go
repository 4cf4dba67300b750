package keeper

import (
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the clean-up. It takes a tenth of a second when all is well; these
// only bound what a stuck kernel, or a Pod that filled the logs, can cost.
const (
	killLimit   = 10 * time.Second
	tracesLimit = 5 * time.Second
)

// cleanUp ends the node and removes all that is ours; it returns what it could
// not remove. It works after any part of the set-up, also half of one.
func (k *keeper) cleanUp() []string {
	left := []string{}
	if k.owner == nil {
		return left
	}
	for _, top := range cgroupsOf(k.owner.ID) {
		thaw(groupsBelow(top))
	}
	// The node's init is our child, by birth or adoption, as is anything that
	// runc was in the middle of. Killing init ends its pid namespace: the
	// kernel kills every process in it before init can be waited for, and
	// with the last of them go the mounts and interfaces.
	if !endChildren(killLimit) {
		left = append(left, "processes of "+k.owner.ID)
	}
	if k.base == nil {
		return left
	}
	return append(left, removeTraces(k.owner, k.base, time.Now().Add(tracesLimit))...)
}

// removeTraces removes a cluster's cgroups, with any process that is still in
// them, and its folder. Both are computed from its id.
func removeTraces(o *owner, base *folder, deadline time.Time) []string {
	left := append([]string{}, removeCgroups(o.ID, deadline)...)
	stays := func(err error) {
		left = append(left, fmt.Sprintf("%s (%v)", filepath.Join(base.path, o.ID), err))
	}
	// owner.json goes last, so that an interrupted removal can be continued.
	if dir, err := base.open(o.ID); err == nil {
		names, _ := dir.names()
		for _, name := range names {
			if name != ownerFile && err == nil {
				err = removeTree(dir.fd, name, deadline)
			}
		}
		dir.close()
		if err != nil {
			stays(err)
			return left
		}
	}
	if len(left) > 0 {
		return append(left, filepath.Join(base.path, o.ID)) // it says which cgroups to come back for
	}
	if err := removeTree(base.fd, o.ID, deadline.Add(time.Second)); err != nil {
		stays(err)
	}
	return left
}

// endChildren kills all our children and waits for them, and for those that
// become ours meanwhile. It says whether none is left.
func endChildren(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		for _, pid := range children() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for tick := 0; tick < 25; tick++ {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			switch {
			case err == unix.ECHILD:
				return true
			case pid == 0:
				time.Sleep(2 * time.Millisecond)
			}
		}
	}
	return false
}
