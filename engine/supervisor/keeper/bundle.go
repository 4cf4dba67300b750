package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

// capabilityNames are the kernel's, by number.
var capabilityNames = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
	LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
	SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE
	AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

// withheld are those that no part of a node needs, and with which a privileged
// Pod could reach past the node: open any file of a file system by its number,
// make files that nobody can remove, load modules, write to memory and ports,
// set the machine's clock.
var withheld = strings.Fields("DAC_READ_SEARCH LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE SYS_BOOT SYS_MODULE SYS_RAWIO SYS_TIME")

// devices are those that programs of the node may open: what every container
// has (runc adds the same by itself, and that nodes may be made, not opened), and
// the kernel's messages, which the kubelet reads to see the OOM killer. No disk of
// the machine is among them. On cgroup v1 no Pod can have more than its node.
func devices() []object {
	rules := []object{{"allow": false, "access": "rwm"}}
	for _, known := range []struct {
		major, minor int
		access       string
	}{
		{1, 3, "rwm"}, {1, 5, "rwm"}, {1, 7, "rwm"}, {1, 8, "rwm"}, {1, 9, "rwm"}, // null zero full random urandom
		{5, 0, "rwm"}, {5, 1, "rwm"}, {5, 2, "rwm"}, {136, -1, "rwm"}, // tty console ptmx, and the terminals
		{1, 11, "rm"}, // kmsg
	} {
		rule := object{"allow": true, "type": "c", "major": known.major, "access": known.access}
		if known.minor >= 0 {
			rule["minor"] = known.minor
		}
		rules = append(rules, rule)
	}
	return rules
}

// ownCapabilities are those in this process's bounding set. A list of all would
// be refused where one is missing, as in many sandboxes.
func ownCapabilities() ([]string, error) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		if hex, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			mask, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return capabilities(mask), err
		}
	}
	return nil, fmt.Errorf("no bounding set in /proc/self/status")
}

func capabilities(mask uint64) []string {
	var names []string
	for number, name := range capabilityNames {
		if mask&(1<<number) != 0 && !slices.Contains(withheld, name) {
			names = append(names, "CAP_"+name)
		}
	}
	return names
}

// hostUsers are those who may connect to the cluster from the host: root, and the
// person who called it by sudo, who can be root.
func hostUsers() string {
	users := "0"
	if caller, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32); err == nil && caller != 0 {
		users += fmt.Sprintf(",%d", caller)
	}
	return users
}

// writeBundle writes runc's config.json for the node. All mounts are in the
// node's own mount namespace; the host's sees none of them.
func writeBundle(dir, rootfs, id, server string, budget time.Duration, limits limits) error {
	caps, err := ownCapabilities()
	if err != nil {
		return err
	}
	mount := func(kind, to string, options ...string) object {
		return object{"destination": to, "type": kind, "source": kind, "options": options}
	}
	namespaces := []object{}
	for _, kind := range []string{"mount", "pid", "network", "ipc", "uts", "cgroup"} {
		namespaces = append(namespaces, object{"type": kind})
	}
	config := object{
		"ociVersion": "1.2.0",
		"hostname":   "kubewalk",
		"root":       object{"path": rootfs, "readonly": true},
		"process": object{
			"args": append([]string{"/sbin/init", "--hold-stdin", "--listen-fd=3", "--server=" + server,
				"--budget=" + budget.String(), "--host-users=" + hostUsers()}, limits.initArgs()...),
			"cwd":  "/",
			"user": object{"uid": 0, "gid": 0},
			// For init and for every later `exec`.
			"env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
				"KUBECONFIG=/etc/kubernetes/admin.conf", "TERM=xterm"},
			"capabilities": object{"bounding": caps, "effective": caps, "permitted": caps},
			// No rlimits and no oomScoreAdj: raising either needs
			// CAP_SYS_RESOURCE, which root may not have.
		},
		"mounts": []object{
			mount("proc", "/proc", "nosuid", "noexec", "nodev"),
			mount("tmpfs", "/dev", "nosuid", "strictatime", "mode=755", "size=65536k"),
			mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
			mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev", "mode=1777"),
			mount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
			mount("sysfs", "/sys", "nosuid", "noexec", "nodev"),
			// Mounted anew, the node sees its own part as the top. With the
			// host's, two kubelets would share /kubepods, and each would
			// kill the other's Pods as orphans.
			mount("cgroup", "/sys/fs/cgroup", "nosuid", "noexec", "nodev", "relatime", "rw"),
			{"destination": "/kubewalk/logs", "type": "bind", "source": filepath.Join(dir, logsDir),
				"options": []string{"bind", "rw", "nosuid", "nodev"}},
		},
		"linux": object{
			"namespaces":  namespaces,
			"cgroupsPath": "/" + cgroupParent + "/" + id,
			"resources": object{
				"devices": devices(),
				"cpu":     object{"shares": share},
				"memory":  limits.memoryResource(),
			},
			// The kubelet reads kernel messages to see the OOM killer.
			"devices": []object{{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600}},
		},
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bundleDir, "config.json"), data, 0o600)
}
