package node

import (
	"net"
	"os"

	"kubewalk.local/engine/supervisor/pki"
)

// credentials is what init keeps in memory of all that it has written.
type credentials struct {
	ca    []byte
	admin pki.Pair
}

// hostKubeconfig is the admin's kubeconfig for a caller outside the node.
func (c *credentials) hostKubeconfig(server string) string {
	return string(pki.Kubeconfig(server, "kubernetes-admin", c.ca, c.admin))
}

// writePeerCredentials makes what etcd needs to let no other etcd in: an
// authority of which it and its client have the only certificates.
func writePeerCredentials() error {
	peers, err := pki.NewCA("etcd-peers")
	if err != nil {
		return err
	}
	pair, err := peers.Issue(pki.Ask{Name: nodeName, Server: true, IPs: []net.IP{net.ParseIP("127.0.0.1")}})
	if err != nil {
		return err
	}
	// For an API server that comes by an address, and not by the socket.
	client, err := peers.Issue(pki.Ask{Name: "kube-apiserver-etcd-client"})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"etcd-peers.crt": peers.Cert, "etcd-peer.crt": pair.Cert, "etcd-peer.key": pair.Key,
		"etcd-client.crt": client.Cert, "etcd-client.key": client.Key,
	} {
		if err := os.WriteFile(pkiDir+name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeCredentials makes every key and certificate of the cluster, under the
// file names that kubeadm uses, and a kubeconfig for each component.
func writeCredentials() (*credentials, error) {
	ca, err := pki.NewCA("kubernetes")
	if err != nil {
		return nil, err
	}
	front, err := pki.NewCA("front-proxy-ca")
	if err != nil {
		return nil, err
	}
	saKey, saPEM, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	saPub, err := pki.PublicPEM(saKey)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"ca.crt": ca.Cert, "ca.key": ca.Key,
		"front-proxy-ca.crt": front.Cert,
		"sa.key":             saPEM, "sa.pub": saPub,
	}
	for _, c := range []struct {
		file string
		by   *pki.CA
		ask  pki.Ask
	}{
		{"apiserver", ca, pki.Ask{Name: "kube-apiserver", Server: true,
			DNS: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc." + domain, "localhost", nodeName},
			IPs: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(apiVIP), net.ParseIP(nodeIP)}}},
		{"kubelet", ca, pki.Ask{Name: "system:node:" + nodeName, Server: true,
			DNS: []string{nodeName, "localhost"}, IPs: []net.IP{net.ParseIP(nodeIP), net.ParseIP("127.0.0.1")}}},
		// Without one they make one, of a kind that costs 0.2 s to make.
		{"local", ca, pki.Ask{Name: "localhost", Server: true,
			DNS: []string{"localhost"}, IPs: []net.IP{net.ParseIP("127.0.0.1")}}},
		{"apiserver-kubelet-client", ca, pki.Ask{Name: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}}},
		{"front-proxy-client", front, pki.Ask{Name: "front-proxy-client"}},
	} {
		pair, err := c.by.Issue(c.ask)
		if err != nil {
			return nil, err
		}
		files[c.file+".crt"], files[c.file+".key"] = pair.Cert, pair.Key
	}
	for name, content := range files {
		if err := os.WriteFile(pkiDir+name, content, 0o600); err != nil {
			return nil, err
		}
	}

	out := &credentials{ca: ca.Cert}
	for _, u := range []struct {
		file, server, user string
		groups             []string
	}{
		{"admin", apiLocal, "kubernetes-admin", []string{"system:masters"}},
		{"controller-manager", gateLate, "system:kube-controller-manager", nil},
		{"scheduler", gateLate, "system:kube-scheduler", nil},
		// What a node may do needs no role: the Node authorizer knows it.
		{"kubelet", gateEarly, "system:node:" + nodeName, []string{"system:nodes"}},
		{"kube-proxy", gateLate, "system:kube-proxy", nil},
		// CoreDNS is no Pod here, but is let in under the name that it has
		// as one, so that its role and binding are those of kubeadm.
		{"coredns", gateLate, "system:serviceaccount:kube-system:coredns",
			[]string{"system:serviceaccounts", "system:serviceaccounts:kube-system"}},
	} {
		pair, err := ca.Issue(pki.Ask{Name: u.user, Groups: u.groups})
		if err != nil {
			return nil, err
		}
		if u.file == "admin" {
			out.admin = pair
		}
		text := pki.Kubeconfig("https://"+u.server, u.user, ca.Cert, pair)
		if err := os.WriteFile(etcDir+u.file+".conf", text, 0o600); err != nil {
			return nil, err
		}
	}
	return out, nil
}
