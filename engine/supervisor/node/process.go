package node

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one component.
type process struct {
	name   string
	log    string
	pid    int
	begun  time.Time
	status syscall.WaitStatus // valid once ended is closed
	ended  chan struct{}
}

// processes starts components and reaps whatever ends. Process 1 inherits every
// orphan of the node (shims, the leftovers of an exec), so the one place that
// waits has to wait for all, and os/exec cannot be used beside it.
type processes struct {
	mu      sync.Mutex
	running map[int]*process
	died    chan *process
}

func newProcesses() *processes {
	p := &processes{running: map[int]*process{}, died: make(chan *process, 32)}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			p.reap()
		}
	}()
	return p
}

// start runs a program with its output going to its log.
func (p *processes) start(name string, env []string, args ...string) (*process, error) {
	proc := &process{name: name, begun: time.Now(), log: logDir + name + ".log", ended: make(chan struct{})}
	log, err := os.OpenFile(proc.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	// Held over fork and entry into the map, so that a process that dies at
	// once is not reaped before it is known.
	p.mu.Lock()
	defer p.mu.Unlock()
	proc.pid, err = syscall.ForkExec(programs+name, append([]string{programs + name}, args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(append([]string{}, environment...), env...),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	p.running[proc.pid] = proc
	return proc, nil
}

// reap takes every process that has ended. Signals of the same kind merge, so
// one of them can stand for many deaths.
func (p *processes) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if proc, known := p.running[pid]; known {
			delete(p.running, pid)
			proc.status = status
			close(proc.ended)
			p.died <- proc
		}
	}
}

// describe says how a process ended, in the words of a shell.
func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("signal %s", unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}
