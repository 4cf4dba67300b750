package node

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kubewalk.local/engine/supervisor/event"
)

// bringUp is the order of the start. What takes longest is the API server: it
// computes for a second and a half before it serves, and then waits for a full
// second before it makes its roles. The others do their own computing in that
// second, and are held at a gate until the API server can serve them.
func (n *node) bringUp(ctx context.Context, listenFD int, server string) error {
	if err := prepareFiles(); err != nil {
		return err
	}
	if err := prepareNetwork(); err != nil {
		return err
	}
	if err := prepareCgroups(); err != nil {
		return err
	}
	limitPods()
	// It listens long before the API server first asks it.
	if err := writePeerCredentials(); err != nil {
		return err
	}
	own, err := ownRelease()
	if err != nil {
		return err
	}
	if err := own.takes(n.shape, n.untrusted); err != nil {
		return err
	}
	if err := n.start(etcd(own)); err != nil {
		return err
	}
	creds, err := writeCredentials()
	if err != nil {
		return err
	}
	shaped, err := n.shape.write(n.untrusted)
	if err != nil {
		return err
	}
	if err := n.start(apiServer(own, shaped, n.apiArgs)); err != nil {
		return err
	}
	roles := make(chan struct{})
	for address, open := range map[string]chan struct{}{gateEarly: nil, gateLate: roles} {
		// Not ctx: connections come and go as long as the node lives.
		if err := serveGate(context.Background(), address, open); err != nil {
			return err
		}
	}
	if err := writeConfig(own, n.shape); err != nil {
		return err
	}
	a, err := newAPI(creds, patienceOf(n.budget).answer)
	if err != nil {
		return err
	}
	all := newGroup()
	all.run(func() error { return n.startContainerd(ctx) })
	all.run(func() error { return n.awaitAPI(ctx, a, own, roles) })
	if err := all.wait(); err != nil {
		return err
	}
	// Nothing asks the scheduler, or the others a second time.
	if err := poll(ctx, n.allRun); err != nil {
		return err
	}
	if listenFD >= 0 {
		if err := serveHost(context.Background(), listenFD, n.hostUsers); err != nil {
			return err
		}
	}
	var version struct{ GitVersion string }
	if err := a.get(ctx, "/version", &version); err != nil {
		return err
	}
	ready := event.Event{Event: "ready", Server: server, Kubernetes: version.GitVersion}
	if listenFD >= 0 {
		// For the keeper's eyes. Without one, standard output may be a
		// container's log, and admin.conf in the node has to be asked for.
		ready.KubeconfigData = creds.hostKubeconfig(server)
	}
	n.events.Emit(ready)
	return nil
}

// startContainerd fills the store with the images that were imported when the
// node image was built, which is much cheaper than importing them now.
func (n *node) startContainerd(ctx context.Context) error {
	if err := copyTree(storeDir, prebakedStore); err != nil {
		return err
	}
	// In the cache of the machine nothing is for everybody to write.
	temporary, err := filepath.Glob(storeDir + "/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs/tmp")
	if err != nil {
		return err
	}
	for _, dir := range temporary {
		if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	if err := n.start(containerd()); err != nil {
		return err
	}
	return n.await(ctx, check{"images", "containerd", func() error {
		return listening("unix", criSocket, patienceOf(n.budget).connect)
	}})
}

// awaitAPI waits for the API server, makes the few objects that are ours, and
// then waits for everything that makes a cluster usable.
func (n *node) awaitAPI(ctx context.Context, a *api, own release, roles chan struct{}) error {
	up := func(name, path string) check {
		return check{name, "kube-apiserver", func() error { return a.get(ctx, path, nil) }}
	}
	if err := n.await(ctx, up("api-serving", "/livez/ping")); err != nil {
		return err
	}
	// In the order of how much each has to do when the gate opens. The kubelet
	// needs containerd, and tries again soon when that is not there yet.
	for _, c := range []component{kubelet(own), n.shape.gated(controllerManager(own)), proxy(), coreDNS(), n.shape.gated(scheduler(own))} {
		if err := n.start(c); err != nil {
			return err
		}
	}
	// These need nothing of what it still has to make but a namespace.
	if err := createAll(ctx, a, append(slices.Clone(dnsObjects), own.dnsEndpoint)); err != nil {
		return err
	}
	if err := n.await(ctx, up("api-ready", "/readyz")); err != nil {
		return err
	}
	close(roles)
	// In turn, not side by side: asking is work for a machine that has
	// enough of it, and all of them have to be true anyway.
	for _, c := range checks(ctx, a, own, patienceOf(n.budget)) {
		if err := n.await(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// group runs functions side by side and returns the first error at once, so
// that nobody waits for the rest of a start that has failed.
type group struct {
	errors chan error
	count  int
}

func newGroup() *group { return &group{errors: make(chan error, 16)} }

func (g *group) run(f func() error) {
	g.count++
	go func() { g.errors <- f() }()
}

func (g *group) wait() error {
	for range g.count {
		if err := <-g.errors; err != nil {
			return err
		}
	}
	return nil
}
