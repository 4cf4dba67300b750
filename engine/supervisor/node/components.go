package node

import "slices"

// component is a program of the node and how it is started.
type component struct {
	name string
	env  []string
	args []string
}

// startEnv tells the multi-call binary that it runs as a part of a node, where it
// trades memory for time at first.
var startEnv = []string{"KUBEWALK_NODE=1"}

// smallEnv is for those that are never busy for long. A Go program with more
// than one processor to itself looks for work on all of them, again and again.
var smallEnv = append([]string{"GOMAXPROCS=1"}, startEnv...)

func etcd(r release) component {
	return component{"etcd", smallEnv, append([]string{
		"--name=" + nodeName, "--data-dir=/var/lib/etcd", "--unsafe-no-fsync",
		// A Pod on the node's network can reach what listens there, and has no
		// credential for etcd. So clients come by a socket in the node's file
		// system. For peers, of which there are none, etcd wants an address;
		// it lets nobody in without a certificate, and none but its own is made.
		"--listen-client-urls=" + r.etcdClients, "--advertise-client-urls=" + r.etcdClients,
		"--listen-peer-urls=" + etcdPeers, "--initial-advertise-peer-urls=" + etcdPeers,
		"--initial-cluster=" + nodeName + "=" + etcdPeers,
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + pkiDir + "etcd-peers.crt",
		"--peer-cert-file=" + pkiDir + "etcd-peer.crt", "--peer-key-file=" + pkiDir + "etcd-peer.key",
		// Alone, it elects itself after one timeout; the default is a second.
		"--heartbeat-interval=20", "--election-timeout=100",
		"--log-level=warn",
	}, r.etcd...)}
}

func containerd() component {
	return component{"containerd", startEnv, []string{"--config=/run/kubewalk/containerd.toml", "--log-level=warn"}}
}

func apiServer(r release, more ...[]string) component {
	return component{"kube-apiserver", startEnv, append([]string{
		"--advertise-address=" + nodeIP, "--secure-port=" + apiPort,
		"--etcd-servers=" + r.etcdClients,
		"--allow-privileged=true",
		"--client-ca-file=" + pkiDir + "ca.crt",
		"--tls-cert-file=" + pkiDir + "apiserver.crt", "--tls-private-key-file=" + pkiDir + "apiserver.key",
		"--kubelet-client-certificate=" + pkiDir + "apiserver-kubelet-client.crt",
		"--kubelet-client-key=" + pkiDir + "apiserver-kubelet-client.key",
		"--kubelet-certificate-authority=" + pkiDir + "ca.crt",
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--proxy-client-cert-file=" + pkiDir + "front-proxy-client.crt",
		"--proxy-client-key-file=" + pkiDir + "front-proxy-client.key",
		// Without these the controller-manager and the scheduler log an
		// error every second.
		"--requestheader-client-ca-file=" + pkiDir + "front-proxy-ca.crt",
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-username-headers=X-Remote-User",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + pkiDir + "sa.pub",
		"--service-account-signing-key-file=" + pkiDir + "sa.key",
		"--service-cluster-ip-range=" + svcCIDR,
	}, append(slices.Clone(r.apiServer), slices.Concat(more...)...)...)}
}

func controllerManager(r release) component {
	conf := etcDir + "controller-manager.conf"
	return component{"kube-controller-manager", startEnv, append([]string{
		"--kubeconfig=" + conf, "--authentication-kubeconfig=" + conf, "--authorization-kubeconfig=" + conf,
		"--bind-address=127.0.0.1", "--leader-elect=false",
		"--tls-cert-file=" + pkiDir + "local.crt", "--tls-private-key-file=" + pkiDir + "local.key",
		"--allocate-node-cidrs=true", "--cluster-cidr=" + podCIDR, "--service-cluster-ip-range=" + svcCIDR,
		"--client-ca-file=" + pkiDir + "ca.crt", "--root-ca-file=" + pkiDir + "ca.crt",
		"--requestheader-client-ca-file=" + pkiDir + "front-proxy-ca.crt",
		"--cluster-signing-cert-file=" + pkiDir + "ca.crt", "--cluster-signing-key-file=" + pkiDir + "ca.key",
		"--service-account-private-key-file=" + pkiDir + "sa.key",
		"--use-service-account-credentials=true",
		"--flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins",
		// With the default rate the first ServiceAccount came 5 s later.
		"--kube-api-qps=1000", "--kube-api-burst=1000",
	}, r.controllerManager...)}
}

func scheduler(r release) component {
	conf := etcDir + "scheduler.conf"
	return component{"kube-scheduler", smallEnv, append([]string{
		"--kubeconfig=" + conf, "--authentication-kubeconfig=" + conf, "--authorization-kubeconfig=" + conf,
		"--bind-address=127.0.0.1", "--leader-elect=false",
		"--tls-cert-file=" + pkiDir + "local.crt", "--tls-private-key-file=" + pkiDir + "local.key",
		"--kube-api-qps=1000", "--kube-api-burst=1000",
	}, r.scheduler...)}
}

func kubelet(r release) component {
	return component{"kubelet", startEnv, append([]string{
		"--config=/run/kubewalk/kubelet.json", "--kubeconfig=" + etcDir + "kubelet.conf",
		"--hostname-override=" + nodeName, "--node-ip=" + nodeIP,
	}, r.kubelet...)}
}

func proxy() component {
	return component{"kube-proxy", smallEnv, []string{"--config=/run/kubewalk/kube-proxy.json"}}
}

func coreDNS() component {
	return component{"coredns", smallEnv, []string{"-conf=/run/kubewalk/Corefile"}}
}
