package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// pollEvery is short: what is waited for takes tens of milliseconds, and the
// waiting is on the way of everybody who waits for a cluster.
const pollEvery = 20 * time.Millisecond

// poll tries until it works; the error is the last one seen.
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollEvery):
		}
	}
}

// listening says whether something accepts connections at address.
func listening(network, address string, within time.Duration) error {
	c, err := net.DialTimeout(network, address, within)
	if err != nil {
		return err
	}
	return c.Close()
}

// check is one thing that must be true before the cluster counts as ready.
type check struct {
	name string
	of   string // the component that is late when it is not
	try  func() error
}

// checks lists all of them. Each is asked in the way in which a Pod or a user
// would meet it, because every part has looked healthy while another was not.
func checks(ctx context.Context, a *api, r release, p patience) []check {
	exists := func(path string) func() error {
		return func() error { return a.get(ctx, path, nil) }
	}
	return []check{
		{"service-account", "kube-controller-manager", func() error { return accountReady(ctx, a, r.tokenSecrets) }},
		{"root-ca", "kube-controller-manager", exists("/api/v1/namespaces/default/configmaps/kube-root-ca.crt")},
		{"node-ready", "kubelet", func() error { return nodeReady(ctx, a) }},
		{"services", "kube-proxy", func() error { return serviceAnswers(p.connect) }},
		{"dns", "coredns", func() error {
			return resolve(dnsVIP+":53", "kubernetes.default.svc."+domain, apiVIP, p.dns)
		}},
	}
}

// accountReady wants the ServiceAccount default, and its token where a Pod needs that.
func accountReady(ctx context.Context, a *api, token bool) error {
	var account struct{ Secrets []struct{ Name string } }
	if err := a.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", &account); err != nil {
		return err
	}
	if token && len(account.Secrets) == 0 {
		return errors.New("the ServiceAccount default has no Secret with a token yet")
	}
	return nil
}

// nodeReady wants the condition, and also that the taint is gone with which a
// new node is born: until then no Pod is scheduled.
func nodeReady(ctx context.Context, a *api) error {
	var n struct {
		Spec struct {
			Taints []struct{ Key string }
		}
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := a.get(ctx, "/api/v1/nodes/"+nodeName, &n); err != nil {
		return err
	}
	state := errors.New("the node has no condition Ready yet")
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" {
			state = nil
			if c.Status != "True" {
				state = fmt.Errorf("the node is not ready: %s", c.Message)
			}
		}
	}
	if state == nil && len(n.Spec.Taints) > 0 {
		state = fmt.Errorf("the node still has the taint %s", n.Spec.Taints[0].Key)
	}
	return state
}

// serviceAnswers calls the API server by its Service's address, which works
// once kube-proxy has programmed it. Who it is was proven by other checks.
func serviceAnswers(within time.Duration) error {
	dialer := &net.Dialer{Timeout: within}
	c, err := tls.DialWithDialer(dialer, "tcp", apiVIP+":443", &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	return c.Close()
}
