// Package node is process 1 of the node: it brings up the components of
// Kubernetes, says how far they are, and reaps what ends.
package node

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"kubewalk.local/engine/supervisor/event"
	"kubewalk.local/engine/supervisor/tail"
)

// logLines is how much of a log goes into an event.
const logLines = 20

type node struct {
	events *event.Writer
	procs  *processes
	begun  time.Time
	budget time.Duration
	// apiArgs are flags for kube-apiserver beside our own.
	apiArgs []string
	// untrusted says that no Pod may reach the node.
	untrusted bool
	// shape is how the API server is to be other than usual.
	shape shape
	// hostUsers are those whose connections from the host go to the API server.
	hostUsers []uint32
	// again is what is started once more when it ends too early.
	again *restarts
	// hopeless gets why the start cannot go on.
	hopeless chan error

	mu      sync.Mutex
	waiting map[string]string // what is not ready yet, and the component it is up to
	lastErr map[string]error  // why not
}

// Main runs init and returns the exit code. That it returns is the end of the
// node: the kernel then kills every process of the pid namespace.
func Main(args []string) int {
	start := time.Now()
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	listenFD := flags.Int("listen-fd", -1, "a listening socket that was handed down, and behind it the host's tables of connections; its connections go to the API server")
	var hostUsers []uint32
	flags.Func("host-users", "whose connections those may be, as numbers with commas", func(list string) error {
		for _, one := range strings.Split(list, ",") {
			user, err := strconv.ParseUint(one, 10, 32)
			if err != nil {
				return err
			}
			hostUsers = append(hostUsers, uint32(user))
		}
		return nil
	})
	server := flags.String("server", "https://127.0.0.1:"+apiPort, "the API's address in the kubeconfig for the host")
	holdStdin := flags.Bool("hold-stdin", false, "end when standard input ends")
	budget := flags.Duration("budget", 120*time.Second, "how long the start may take")
	untrusted := flags.Bool("untrusted", false, "refuse Pods that could reach the node")
	shaped := shapeFlag(flags)
	var apiArgs []string
	flags.Func("apiserver-arg", "one more flag for kube-apiserver, as NAME=VALUE; may be said more than once", func(arg string) error {
		apiArgs = append(apiArgs, "--"+arg)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return 2
	}
	n := &node{
		events: event.NewWriter(os.Stdout, start), begun: start, budget: *budget, apiArgs: apiArgs, untrusted: *untrusted,
		shape: *shaped, hostUsers: hostUsers, again: newRestarts(), hopeless: make(chan error, 8),
		waiting: map[string]string{}, lastErr: map[string]error{},
	}
	if os.Getpid() != 1 {
		n.fail("init has to be process 1 of the node", "start it through `supervisor keeper run`", "")
		return 3
	}
	ends := make(chan os.Signal, 4)
	signal.Notify(ends, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPWR)
	signal.Ignore(unix.SIGPIPE)
	stdin := make(chan struct{})
	if *holdStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(stdin)
		}()
	}
	if err := keepToOurselves(); err != nil {
		n.fail("cannot look at the open files: "+err.Error(), "the node needs /proc", "")
		return 3
	}
	n.procs = newProcesses()
	ctx, cancel := context.WithTimeout(context.Background(), n.budget)
	defer cancel()
	up := make(chan error, 1)
	go func() { up <- n.bringUp(ctx, *listenFD, *server) }()

	ready := false
	for {
		select {
		case <-ends:
			return 0
		case <-stdin:
			return 0
		case err := <-up:
			if err != nil {
				n.failLate(ctx, err)
				return 3
			}
			ready = true
		case err := <-n.hopeless:
			n.fail(err.Error(), "the message says what the machine refused", "")
			return 3
		case p := <-n.procs.died:
			if !ready && n.startAgain(ctx, p) {
				continue
			}
			lines := tail.File(p.log, logLines)
			n.events.Emit(event.Event{Event: "died", Component: p.name, Status: describe(p.status), Log: lines})
			if !ready {
				n.fail(fmt.Sprintf("%s ended during the start (%s)", p.name, describe(p.status)), "the log lines say why", p.log)
				return 3
			}
		}
	}
}

// keepToOurselves keeps what was handed down to us from every program that we
// start: the host's listening socket above all.
func keepToOurselves() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func (n *node) fail(message, remedy, log string) {
	n.events.Emit(event.Event{Event: "failed", Message: message, Remedy: remedy, Log: tail.File(log, logLines)})
}

// failLate says what a start that took too long was waiting for, or why one
// failed before its time was over.
func (n *node) failLate(ctx context.Context, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, of := range n.waiting {
		if ctx.Err() == nil {
			break // something else was refused, while this was waited for
		}
		n.fail(fmt.Sprintf("the cluster was not ready after %s: still waiting for %s (%s), last answer: %v",
			time.Since(n.begun).Round(time.Second), name, of, n.lastErr[name]),
			"a slow or busy machine needs a longer --budget; otherwise the log lines say why", logDir+of+".log")
		return
	}
	n.fail(err.Error(), "the message says what the machine refused", "")
}

// await polls until try works and reports the phase.
func (n *node) await(ctx context.Context, c check) error {
	n.mu.Lock()
	n.waiting[c.name] = c.of
	n.mu.Unlock()
	err := poll(ctx, func() error {
		err := c.try()
		n.mu.Lock()
		n.lastErr[c.name] = err
		n.mu.Unlock()
		return err
	})
	if err != nil {
		return err
	}
	n.mu.Lock()
	delete(n.waiting, c.name)
	n.mu.Unlock()
	n.events.Phase(c.name)
	return nil
}

func (n *node) start(c component) error {
	n.again.started(c)
	_, err := n.procs.start(c.name, c.env, c.args...)
	return err
}
