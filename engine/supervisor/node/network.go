package node

import (
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// prepareNetwork gives the node its addresses. They sit on one end of a veth
// pair whose other end leads nowhere: the kernel may lack the dummy device, and
// veth is needed for Pods anyway. The host and other clusters cannot see it.
func prepareNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "node0"
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "node1"}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("cannot make a veth pair in the node: %w", err)
	}
	for _, name := range []string{"node0", "node1"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	node0, err := netlink.LinkByName("node0")
	if err != nil {
		return err
	}
	for _, ip := range []string{nodeIP, dnsIP} {
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(ip), Mask: net.CIDRMask(32, 32)}}
		if err := netlink.AddrAdd(node0, addr); err != nil {
			return fmt.Errorf("cannot add address %s: %w", ip, err)
		}
	}
	// A Service's address must be routable before kube-proxy's rules can turn
	// it into another. There is no default route: a Pod that calls the outside
	// is told at once that there is no way.
	_, services, err := net.ParseCIDR(svcCIDR)
	if err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: node0.Attrs().Index, Dst: services, Src: net.ParseIP(nodeIP), Scope: netlink.SCOPE_LINK}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("cannot add the route to the Services: %w", err)
	}
	if err := keepPodsIn(); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// keepPodsIn takes the way out from Pods, and from them only, where there is
// one: a container has a default route, which its published port may need, but
// nothing there answers a Pod. So a Pod is told at once, as without a route.
func keepPodsIn() error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	out := func(r netlink.Route) bool { return r.Dst == nil || r.Dst.IP.IsUnspecified() }
	if !slices.ContainsFunc(routes, out) {
		return nil
	}
	_, pods, err := net.ParseCIDR(podCIDR)
	if err != nil {
		return err
	}
	_, services, err := net.ParseCIDR(svcCIDR)
	if err != nil {
		return err
	}
	// Before all come the node's own addresses, by the kernel's first rule.
	var rules []*netlink.Rule
	for _, to := range []*net.IPNet{pods, services} {
		rule := netlink.NewRule()
		rule.Src, rule.Dst, rule.Priority, rule.Table = pods, to, 100+len(rules), unix.RT_TABLE_MAIN
		rules = append(rules, rule)
	}
	other := netlink.NewRule()
	other.Src, other.Priority, other.Type = pods, 110, unix.FR_ACT_UNREACHABLE
	for _, rule := range append(rules, other) {
		if err := netlink.RuleAdd(rule); err != nil {
			return fmt.Errorf("cannot keep Pods in: %w", err)
		}
	}
	return nil
}
