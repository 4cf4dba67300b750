package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// prepareCgroups readies a cgroup v2 hierarchy for the kubelet. There, a group
// that hands controllers to its children may hold no process itself, and we sit
// in the top one: move down first, then hand out all controllers. On v1 nothing
// is to be done.
func prepareCgroups() error {
	controllers, err := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	own := cgroupRoot + "/init"
	if err := os.MkdirAll(own, 0o755); err != nil {
		return fmt.Errorf("cannot make a cgroup in the node: %w", err)
	}
	if err := os.WriteFile(own+"/cgroup.procs", []byte("0"), 0); err != nil {
		return fmt.Errorf("cannot move into a cgroup: %w", err)
	}
	for _, c := range strings.Fields(string(controllers)) {
		// One by one: a controller that cannot be handed out (cpu beside
		// realtime tasks, say) must not take the others with it.
		_ = os.WriteFile(cgroupRoot+"/cgroup.subtree_control", []byte("+"+c), 0)
	}
	return nil
}

// podsGroup is the kubelet's group of all Pods.
const podsGroup = "kubepods"

// reserved is the memory that Pods leave to the node's own programs.
const reserved = 1 << 30

// limitPods makes the group of all Pods before the kubelet does, with a limit that
// the kubelet leaves as it is: half of the processors, one at least. A node counts
// as eight ordinary programs beside the machine's others, so that it starts soon;
// Pods that never rest must not. Where the kernel has no such limit, there is none.
func limitPods() {
	quota := max(runtime.NumCPU()/2, 1) * 100_000
	if exists(cgroupRoot + "/cgroup.controllers") {
		setGroup(cgroupRoot+"/"+podsGroup, "cpu.max", fmt.Sprintf("%d 100000", quota))
		return
	}
	setGroup(cgroupRoot+"/cpu/"+podsGroup, "cpu.cfs_quota_us", strconv.Itoa(quota))
}

// memory is the machine's, and what of it all Pods together may use, in bytes: the
// node's limit, or half of the machine's, less what the node needs itself.
func memory() (total, pods uint64) {
	var about unix.Sysinfo_t
	if err := unix.Sysinfo(&about); err != nil {
		return 0, 0
	}
	total = uint64(about.Totalram) * uint64(about.Unit)
	limit := total / 2
	for _, file := range []string{"/memory.max", "/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(cgroupRoot + file)
		if n, parseErr := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64); err == nil && parseErr == nil && n < total {
			limit = n
		}
	}
	return total, max(limit, 2*reserved) - reserved
}

func setGroup(dir, file, value string) {
	if !exists(filepath.Dir(dir)) {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err == nil {
		_ = os.WriteFile(dir+"/"+file, []byte(value), 0)
	}
}

// hasController says whether groups in the node can have such limits.
func hasController(name string) bool {
	controllers, _ := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	return slices.Contains(strings.Fields(string(controllers)), name) || exists(cgroupRoot+"/"+name+"/tasks")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
