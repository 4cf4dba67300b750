package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kubewalk.local/engine/supervisor/event"
)

// A component that ends so soon after its start cannot do its work here. One that
// ran for longer has met something that may be otherwise the next time: another
// one that was not ready yet, above all.
const quick = 5 * time.Second

// mostQuick is how often in a row a component may end so soon.
const mostQuick = 4

// The time between the end of a component and its next start.
const (
	firstDelay = 100 * time.Millisecond
	mostDelay  = 5 * time.Second
)

// restarts is what process 1 does for its components while the cluster comes up:
// what a kubelet does for static Pods, and systemd for the kubelet and containerd.
type restarts struct {
	mu      sync.Mutex
	known   map[string]component
	ends    map[string]int // in all
	quick   map[string]int // in a row
	waiting map[string]bool
	after   func(time.Duration, func()) // time.AfterFunc, but for tests
}

func newRestarts() *restarts {
	return &restarts{known: map[string]component{}, ends: map[string]int{}, quick: map[string]int{},
		waiting: map[string]bool{}, after: func(d time.Duration, f func()) { time.AfterFunc(d, f) }}
}

// started notes how a component is started.
func (r *restarts) started(c component) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[c.name] = c
	delete(r.waiting, c.name)
}

// ended says when a component that has ended after so long is to be started
// again, and how it is; false: never.
func (r *restarts) ended(name string, ran time.Duration) (component, time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, known := r.known[name]
	if !known {
		return c, 0, false
	}
	if ran < quick {
		r.quick[name]++
	} else {
		r.quick[name] = 0
	}
	if r.quick[name] >= mostQuick {
		return c, 0, false
	}
	r.waiting[name] = true
	delay := min(firstDelay<<min(r.ends[name], 10), mostDelay)
	r.ends[name]++
	return c, delay, true
}

// rest says which component is between its end and its next start.
func (r *restarts) rest() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.waiting {
		return fmt.Errorf("%s is about to be started again", name)
	}
	return nil
}

// startAgain starts a component that has ended once more, a little later, and says
// so. False when there is no hope, or no time: then its end is that of the start.
func (n *node) startAgain(ctx context.Context, p *process) bool {
	if ctx.Err() != nil {
		return false
	}
	c, delay, again := n.again.ended(p.name, time.Since(p.begun))
	if !again {
		return false
	}
	n.events.Emit(event.Event{Event: "again", Component: p.name, Status: describe(p.status)})
	n.again.after(delay, func() {
		if ctx.Err() != nil {
			return
		}
		if err := n.start(c); err != nil {
			n.hopeless <- err
		}
	})
	return true
}

// allRun says whether every component is started, as far as is known.
func (n *node) allRun() error { return n.again.rest() }
