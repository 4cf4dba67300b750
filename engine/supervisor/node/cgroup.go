package node

import (
	"errors"
	"fmt"
	"os"
	"strings"
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
