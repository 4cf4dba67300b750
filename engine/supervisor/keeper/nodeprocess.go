package keeper

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kubewalk.local/engine/supervisor/tail"
)

// runcShare is the part of the whole start that setting up the container may take;
// 0.1 s is usual.
const runcShare = 4

// nodeProcess is the running container.
type nodeProcess struct {
	hold  *os.File    // the node ends when this is closed, also by our death
	lines chan []byte // what init says; closed when it is gone
}

// startNode runs the bundle with runc. Detached: runc sets the container up and
// goes away, and init becomes our child because we are the subreaper. What is
// handed down is init's from descriptor 3 on.
func startNode(o *owner, engine, dir string, handed []*os.File, stop <-chan struct{},
	budget time.Duration) (*nodeProcess, error) {
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer inRead.Close()
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outWrite.Close()
	log, err := os.OpenFile(filepath.Join(dir, logsDir, initLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// A process of its own mounts the root, where nobody else sees the mount,
	// and becomes runc.
	runc := exec.Command(self, "keeper", "inside", "--rootfs", filepath.Join(engine, "rootfs"), "--dir", dir, "--",
		filepath.Join(engine, "runc"),
		"--root", filepath.Join(dir, runcRoot), "--log", filepath.Join(dir, runcLog),
		"run", "--detach", "--preserve-fds", strconv.Itoa(len(handed)), "--bundle", filepath.Join(dir, bundleDir), o.ID)
	runc.Stdin, runc.Stdout, runc.Stderr = inRead, outWrite, log
	runc.ExtraFiles = handed
	runc.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := runUnless(stop, runc, budget/runcShare); err != nil {
		_ = inWrite.Close()
		if errors.Is(err, errStopped) {
			return nil, err
		}
		lines := append(tail.File(filepath.Join(dir, runcLog), 5), tail.File(filepath.Join(dir, logsDir, initLog), 5)...)
		text := strings.Join(lines, " ")
		if text == "" {
			text = err.Error()
		}
		return nil, &trouble{message: "runc could not start the node: " + short(text), remedy: remedyFor(text), log: lines}
	}
	favourParent(cgroupsOf(o.ID))
	n := &nodeProcess{hold: inWrite, lines: make(chan []byte)}
	go n.read(outRead)
	return n, nil
}

// runUnless runs a command to its end, or gives up on it when stop is closed or
// it takes far too long. What it may have started by then is ended by cleanUp.
func runUnless(stop <-chan struct{}, command *exec.Cmd, limit time.Duration) error {
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-stop:
		_ = command.Process.Kill()
		return errStopped
	case <-time.After(limit):
		_ = command.Process.Kill()
		return fmt.Errorf("no answer within %s", limit.Round(time.Second))
	}
}

func (n *nodeProcess) read(out *os.File) {
	defer out.Close()
	defer close(n.lines)
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		n.lines <- append([]byte{}, in.Bytes()...)
	}
}

// short makes one sentence of runc's message, which is in its log as msg="…".
func short(text string) string {
	if at := strings.LastIndex(text, `msg="`); at >= 0 {
		if quoted, err := strconv.QuotedPrefix(text[at+len("msg="):]); err == nil {
			text, _ = strconv.Unquote(quoted)
		}
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// remedyFor gives advice for what a machine usually refuses.
func remedyFor(text string) string {
	text = strings.ToLower(text)
	for _, known := range []struct{ sign, remedy string }{
		{"cannot mount the node's root", "the kernel has to have overlayfs; where the cache is on an overlay already, set KUBEWALK_CACHE to a folder that is not"},
		{"no space left", "make room on the disk of the cache and of the temporary folder"},
		{"cgroup", "cgroups have to be writable: in a container, start it with --privileged and --cgroupns=private"},
		{"operation not permitted", "new namespaces have to be allowed: as real root, or in a container with --privileged"},
		{"invalid argument", "the kernel has to support mount, pid, network, ipc, uts and cgroup namespaces (Linux 4.6 or later)"},
		{"permission denied", "a security module may forbid it: check AppArmor or SELinux"},
	} {
		if strings.Contains(text, known.sign) {
			return known.remedy
		}
	}
	return "the log lines say why; `--cluster docker` may work where this does not"
}

// children lists our children, by looking at everybody's parent: the kernel's
// own list of them is not there on every machine.
func children() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		if _, parent := parseStat(data); parent == os.Getpid() {
			found = append(found, pid)
		}
	}
	return found
}
