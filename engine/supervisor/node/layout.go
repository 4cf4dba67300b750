package node

// Where everything of the node is. Nothing here can clash with the machine
// outside: the node has a network namespace of its own without a way out.
const (
	nodeName  = "kubewalk"
	nodeIP    = "10.243.0.2"
	dnsIP     = "10.243.0.53" // where CoreDNS listens
	dnsVIP    = "10.96.0.10"  // the Service kube-dns, as kubeadm has it
	apiVIP    = "10.96.0.1"   // the Service kubernetes
	podCIDR   = "10.244.0.0/16"
	nodeCIDR  = "10.244.0.0/24" // this node's part of podCIDR
	svcCIDR   = "10.96.0.0/12"
	domain    = "cluster.local"
	issuer    = "https://kubernetes.default.svc.cluster.local"
	apiPort   = "6443"
	apiLocal  = "127.0.0.1:" + apiPort
	gateEarly = "127.0.0.1:6444" // to the API server as soon as it listens
	gateLate  = "127.0.0.1:6445" // to the API server when it knows its roles

	etcdDir    = "/run/etcd"
	etcdSocket = "unix://" + etcdDir + "/clients"
	etcdPeers  = "https://127.0.0.1:2380"

	programs      = "/usr/local/bin/"
	etcDir        = "/etc/kubernetes/"
	pkiDir        = etcDir + "pki/"
	logDir        = "/kubewalk/logs/"
	prebakedStore = "/usr/lib/kubewalk/containerd"
	storeDir      = "/var/lib/containerd"
	criSocket     = "/run/containerd/containerd.sock"
	cniConfDir    = "/run/cni/net.d/"
	pauseImage    = "kubewalk.local/pause:1"
)

// environment is what every component starts with.
var environment = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"KUBECONFIG=" + etcDir + "admin.conf",
}
