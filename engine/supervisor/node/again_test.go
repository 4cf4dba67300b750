package node

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"kubewalk.local/engine/supervisor/event"
)

func TestAComponentThatGivesUpWaitingIsStartedAgainAndAgain(t *testing.T) {
	r := newRestarts()
	r.started(component{name: "kube-controller-manager", args: []string{"--x"}})
	var before time.Duration
	for range 30 {
		c, delay, again := r.ended("kube-controller-manager", 30*time.Second)
		if !again || len(c.args) != 1 {
			t.Fatalf("it is given up: %v", c)
		}
		if delay < before || delay > mostDelay {
			t.Fatalf("%s after %s", delay, before)
		}
		before = delay
		if r.rest() == nil {
			t.Fatal("the cluster counts as ready between its end and its start")
		}
		r.started(c)
		if err := r.rest(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAComponentThatCannotStartIsGivenUpSoon(t *testing.T) {
	r := newRestarts()
	r.started(component{name: "kube-apiserver"})
	var waited time.Duration
	for times := 1; ; times++ {
		c, delay, again := r.ended("kube-apiserver", 400*time.Millisecond)
		if !again {
			if times != mostQuick {
				t.Errorf("given up after %d ends", times)
			}
			break
		}
		waited += delay
		r.started(c)
	}
	if waited > time.Second {
		t.Errorf("%s of waiting for what cannot be", waited)
	}
	// What has worked for a while counts anew.
	r = newRestarts()
	r.started(component{name: "etcd"})
	for _, ran := range []time.Duration{0, 0, 0, time.Minute, 0, 0, 0} {
		if _, _, again := r.ended("etcd", ran); !again {
			t.Fatalf("given up after it ran for %s", ran)
		}
	}
}

func TestWhatIsNoComponentIsNotStarted(t *testing.T) {
	if _, _, again := newRestarts().ended("containerd-shim", time.Minute); again {
		t.Error("it is")
	}
}

// A node whose components cannot be started: there are no programs here.
func brokenNode() (*node, *bytes.Buffer) {
	out := &bytes.Buffer{}
	n := &node{events: event.NewWriter(out, time.Now()), again: newRestarts(), hopeless: make(chan error, 8),
		procs: &processes{running: map[int]*process{}, died: make(chan *process, 8)}}
	n.again.after = func(_ time.Duration, f func()) { f() }
	n.again.started(component{name: "scheduler-that-is-not-there"})
	return n, out
}

func TestAnEndDuringTheStartIsSaidAndWhatCannotBeStartedEndsIt(t *testing.T) {
	n, out := brokenNode()
	p := &process{name: "scheduler-that-is-not-there", begun: time.Now(), status: 256}
	if !n.startAgain(context.Background(), p) {
		t.Fatal("it is not started again")
	}
	if said := out.String(); !strings.Contains(said, `"event":"again","component":"scheduler-that-is-not-there","status":"exit 1"`) {
		t.Error(said)
	}
	select {
	case err := <-n.hopeless:
		if err == nil {
			t.Error("no reason")
		}
	default:
		t.Error("a component that cannot be started is waited for")
	}
}

func TestNothingIsStartedAgainWhenTheTimeIsOver(t *testing.T) {
	n, _ := brokenNode()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n.startAgain(ctx, &process{name: "scheduler-that-is-not-there", begun: time.Now()}) {
		t.Error("it is")
	}
}

func TestPatienceGrowsWithTheBudget(t *testing.T) {
	usual := patienceOf(usualBudget)
	if short := patienceOf(time.Second); short != usual {
		t.Errorf("a short budget makes it shorter: %v", short)
	}
	slow := patienceOf(20 * usualBudget)
	if slow.answer != 20*usual.answer || slow.connect != 20*usual.connect || slow.dns != 20*usual.dns {
		t.Errorf("%v is not twenty times %v", slow, usual)
	}
}
