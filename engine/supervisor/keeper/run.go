// Package keeper is the host's side of a cluster: it starts the node, tells its
// starter how it goes, and removes every trace of it.
package keeper

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kubewalk.local/engine/supervisor/event"
	"kubewalk.local/engine/supervisor/tail"
)

const logLines = 20

// trouble is an error that a person can do something about.
type trouble struct {
	message, remedy string
	log             []string
}

func (t *trouble) Error() string { return t.message }

// errStopped says that the starter wants no cluster any more.
var errStopped = errors.New("stopped")

type keeper struct {
	limits *limits
	events *event.Writer
	stop   chan struct{} // closed when the starter says so or is gone
	owner  *owner
	base   *folder // in which dir is
	dir    string
	engine string // its folder
	node   *nodeProcess
}

// Run is `keeper run`.
func Run(args []string) int {
	start := time.Now()
	// Out of the starter's session and deaf to its signals: Ctrl-C reaches
	// the whole group of the terminal, and we are the one who cleans up after
	// it. They are caught instead of ignored, because what is ignored stays
	// so in every program of the node. The error is that we lead a group
	// already.
	_, _ = unix.Setsid()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE, unix.SIGQUIT)
	go func() {
		for range signals {
		}
	}()

	flags := flag.NewFlagSet("keeper run", flag.ContinueOnError)
	engine := flags.String("engine", "", "the engine's folder")
	base := flags.String("base", "", "where the cluster's private folder is made")
	budget := flags.Duration("budget", 120*time.Second, "how long the start may take")
	limits := limitFlags(flags)
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *engine == "" || *base == "" {
		return usageError("keeper run needs --engine and --base")
	}
	k := &keeper{limits: limits, events: event.NewWriter(os.Stdout, start), stop: make(chan struct{})}
	go watchStdin(os.Stdin, k.stop)

	// Whatever a killed keeper left is removed beside the start. It needs to
	// be over before we end, and not before we begin.
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		if _, err := sweep(*base, k.events, false, sweepLimit); err != nil {
			k.events.Emit(event.Event{Event: "kept", Dir: *base, Message: err.Error()})
		}
	}()

	err := k.live(*engine, *base, *budget-time.Since(start))
	code := exitOK
	var t *trouble
	switch {
	case err == nil || errors.Is(err, errStopped):
	case errors.As(err, &t):
		k.events.Emit(event.Event{Event: "failed", Message: t.message, Remedy: t.remedy, Log: t.log})
		code = exitEnvironment
	case errors.Is(err, errReported):
		code = exitEnvironment
	default:
		k.events.Emit(event.Event{Event: "failed", Message: err.Error(), Remedy: remedyFor(err.Error())})
		code = exitEnvironment
	}
	left := k.cleanUp()
	<-swept
	k.events.Emit(event.Event{Event: "ended", Left: &left})
	if len(left) > 0 && code == exitOK {
		return exitLeft
	}
	return code
}

// watchStdin closes stop at the line `stop` and at the end of input, which is
// also what the death of the starter looks like.
func watchStdin(in io.Reader, stop chan struct{}) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "stop" {
			break
		}
	}
	close(stop)
}

func (k *keeper) stopped() bool {
	select {
	case <-k.stop:
		return true
	default:
		return false
	}
}

// live is the cluster's life, from nothing to the wish to end it.
func (k *keeper) live(engine, base string, budget time.Duration) error {
	if err := k.prepare(engine, base); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return &trouble{message: "cannot open a port on 127.0.0.1: " + err.Error(),
			remedy: "the loopback interface has to be up: `ip link set lo up`"}
	}
	defer listener.Close()
	server := fmt.Sprintf("https://%s", listener.Addr())
	if err := writeBundle(k.dir, filepath.Join(k.dir, rootDir), k.owner.ID, server, budget, *k.limits); err != nil {
		return err
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	if k.stopped() {
		return errStopped
	}
	handed, err := withTables(socket)
	if err == nil {
		k.node, err = startNode(k.owner, k.engine, k.dir, handed, k.stop, budget)
	}
	for _, file := range handed {
		_ = file.Close()
	}
	if err != nil {
		return err
	}
	// Ours can go now: the node has it, and the port has to close with it.
	_ = listener.Close()
	k.events.Phase("container")
	return k.watch(budget)
}

// withTables adds to a listening socket what init needs to know who connects: the
// kernel's tables of connections, of the network that the socket is in.
func withTables(socket *os.File) ([]*os.File, error) {
	handed := []*os.File{socket}
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			// Without IPv6 there is none, and nothing in it.
			table, err = os.Open(os.DevNull)
		}
		if err != nil {
			return handed, &trouble{message: "cannot see who connects to the cluster: " + err.Error(),
				remedy: "the node needs /proc"}
		}
		handed = append(handed, table)
	}
	return handed, nil
}

// prepare makes the folder that says whose all the rest is.
func (k *keeper) prepare(engine, base string) error {
	if os.Geteuid() != 0 {
		return &trouble{message: "the builtin cluster needs root",
			remedy: "run it with sudo, or choose another kind with --cluster docker or --cluster k3s"}
	}
	engine, err := cleanDir(engine)
	if err == nil {
		_, err = os.Stat(filepath.Join(engine, "COMPLETE"))
	}
	if err != nil {
		return &trouble{message: "the engine is not complete: " + err.Error(), remedy: "build it with engine/build.sh"}
	}
	mounts := cgroupMounts()
	if len(mounts) == 0 {
		return &trouble{message: "no cgroup hierarchy is mounted on this machine",
			remedy: "mount one: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`"}
	}
	// Orphans of what we start become ours, so that the end can be waited for.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	k.engine = engine
	owner, err := newOwner()
	if err != nil {
		return err
	}
	cannot := func(err error) error {
		return &trouble{message: "cannot make the cluster's folder: " + err.Error(),
			remedy: "choose another place with --base, one that only root can use, or make room there"}
	}
	if err := os.Mkdir(base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return cannot(err)
	}
	if base, err = cleanDir(base); err != nil {
		return cannot(err)
	}
	if k.base, err = openBase(base); err != nil {
		return cannot(err)
	}
	k.owner, k.dir = owner, filepath.Join(base, owner.ID)
	if _, err := owner.makeFolder(k.base); err != nil {
		return cannot(err)
	}
	makeCgroups(owner.ID)
	return nil
}

// errReported says that the node has told itself why it failed.
var errReported = errors.New("the node has failed")

// watch passes on what the node says until the cluster is to end.
func (k *keeper) watch(budget time.Duration) error {
	// A little later than the node's own limit: it knows what is late.
	late := time.NewTimer(budget + max(2*time.Second, budget/20))
	defer late.Stop()
	failed := false
	for {
		select {
		case <-k.stop:
			return errStopped
		case <-late.C:
			return &trouble{message: "the node did not say that it is ready or why not",
				remedy: "the log lines may say why", log: k.lastWords()}
		case line, open := <-k.node.lines:
			if !open {
				if failed {
					return errReported
				}
				return &trouble{message: "the node ended by itself", remedy: remedyFor(strings.Join(k.lastWords(), " ")),
					log: k.lastWords()}
			}
			var e event.Event
			if err := json.Unmarshal(line, &e); err != nil {
				continue // not an event: init.log has it
			}
			switch e.Event {
			case "ready":
				late.Stop()
				path := filepath.Join(k.dir, kubeconfigFile)
				if err := os.WriteFile(path, []byte(e.KubeconfigData), 0o600); err != nil {
					return err
				}
				e.KubeconfigData = ""
				e.Kubeconfig, e.Dir, e.Container = path, k.dir, k.owner.ID
			case "failed":
				failed = true
			}
			k.events.Emit(e)
		}
	}
}

// lastWords are the last lines of what init and runc had to say.
func (k *keeper) lastWords() []string {
	return append(tail.File(filepath.Join(k.dir, runcLog), logLines),
		tail.File(filepath.Join(k.dir, logsDir, initLog), logLines)...)
}
