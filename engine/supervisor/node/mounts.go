package node

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// prepareFiles makes the file system of the node usable. The root is shared,
// read-only, by every cluster that runs from this image, so whatever is written
// goes to memory.
func prepareFiles() error {
	// Pods' volumes are mounted by the kubelet and have to show up in the
	// containers that containerd made: mounts must propagate inside the node.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share mounts inside the node: %w", err)
	}
	for _, dir := range []string{"/run", "/var", "/tmp", "/etc/kubernetes", "/root"} {
		mode := "mode=755"
		if dir == "/tmp" {
			mode = "mode=1777"
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, mode); err != nil {
			return fmt.Errorf("cannot mount a tmpfs on %s: %w", dir, err)
		}
	}
	for _, dir := range []string{"/var/lib/kubelet", "/var/lib/etcd", "/var/log/pods", "/var/log/containers",
		"/var/lib/cni", "/run/containerd", "/run/lock", etcdDir, cniConfDir, pkiDir, logDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/var/lib/etcd", etcdDir} {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return err
	}
	if err := os.Symlink(logDir, "/var/log/kubewalk"); err != nil {
		return err
	}
	return hideSysctls()
}

// hideSysctls lets the kubelet find the kernel settings it wants without
// changing those of the machine. These have no namespace: written in the node,
// they would be changed for the whole host and stay so after the cluster is
// gone. The kubelet writes only what differs, so a file with the right value
// over each of them keeps it from writing.
func hideSysctls() error {
	for name, value := range map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	} {
		real := "/proc/sys/" + name
		if _, err := os.Stat(real); err != nil {
			continue // a kernel without it: the kubelet says what it thinks of that
		}
		stand := "/run/kubewalk/sys/" + name
		if err := os.MkdirAll(filepath.Dir(stand), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(stand, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(stand, real, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot cover %s: %w", real, err)
		}
	}
	return nil
}
