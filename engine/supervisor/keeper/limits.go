package keeper

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// limits is what a node may do and take.
type limits struct {
	// memory is the most that the node may use, its file systems in memory
	// included, in bytes; 0 is half of the machine's.
	memory uint64
	// untrusted says that no Pod may reach the node.
	untrusted bool
	// shape is how the API server is to be other than usual, in JSON, for init.
	shape string
}

// leastMemory is what a node gets on the smallest machine: it needs a quarter of
// that for itself.
const leastMemory = 2 << 30

func limitFlags(flags *flag.FlagSet) *limits {
	l := &limits{}
	flags.Uint64Var(&l.memory, "memory", 0, "the most memory of the node, in bytes; 0 is half of the machine's")
	flags.BoolVar(&l.untrusted, "untrusted", false, "refuse Pods that could reach the node")
	flags.StringVar(&l.shape, "shape", "", "how the API server is to be other than usual, in JSON")
	return l
}

// initArgs are flags for init.
func (l limits) initArgs() []string {
	var args []string
	if l.untrusted {
		args = append(args, "--untrusted")
	}
	if l.shape != "" {
		args = append(args, "--shape="+l.shape)
	}
	return args
}

// memoryResource is the limit in runc's words; empty where the machine counts no
// memory, since runc would not start the node then.
func (l limits) memoryResource() object {
	if !countsMemory() {
		return object{}
	}
	limit := l.memory
	if limit == 0 {
		limit = max(machineMemory()/2, leastMemory)
	}
	return object{"limit": limit}
}

// countsMemory says whether a group can have a limit of memory, on cgroup v1 or v2.
func countsMemory() bool {
	if _, err := os.Stat("/sys/fs/cgroup/memory/memory.limit_in_bytes"); err == nil {
		return true
	}
	controllers, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	return slices.Contains(strings.Fields(string(controllers)), "memory")
}

// machineMemory is the machine's memory in bytes; 0 when it cannot be told.
func machineMemory() uint64 {
	data, _ := os.ReadFile("/proc/meminfo")
	return parseMemory(data)
}

func parseMemory(meminfo []byte) uint64 {
	for line := range bytes.Lines(meminfo) {
		var kib uint64
		if n, _ := fmt.Sscanf(string(line), "MemTotal: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
