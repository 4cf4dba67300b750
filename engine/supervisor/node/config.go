package node

import (
	"encoding/json"
	"maps"
	"os"
	"strconv"
)

type object = map[string]any

// containerd2 and containerd1 are the configurations of containerd 2 and 1: no
// AppArmor and no score for the OOM killer, because not every sandbox lets root
// set them. The plugins that are left out would probe the kernel for file systems
// that a node in memory does not use.
const containerd2 = `version = 3
root = "` + storeDir + `"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs",
  "io.containerd.mount-handler.v1.erofs", "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing", "io.containerd.internal.v1.restart", "io.containerd.snapshotter.v1.native",
]
[grpc]
  address = "` + criSocket + `"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "` + pauseImage + `"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/opt/cni/bin"]
  conf_dir = "` + cniConfDir + `"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  # A privileged Pod gets the devices that every Pod has: the node has no others.
  privileged_without_host_devices = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  SystemdCgroup = false
`

const containerd1 = `version = 2
root = "` + storeDir + `"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.native", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing", "io.containerd.internal.v1.restart",
]
[grpc]
  address = "` + criSocket + `"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pauseImage + `"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "` + cniConfDir + `"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  privileged_without_host_devices = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  SystemdCgroup = false
`

// corefile: names of the cluster and nothing else. There is no forward, because
// there is nowhere to forward to; any other name is refused at once.
func corefile(r release) string {
	return `.:53 {
    bind ` + dnsIP + `
    errors
    ready 127.0.0.1:8181
    cache 5
    kubernetes ` + domain + ` in-addr.arpa ip6.arpa {
        kubeconfig ` + etcDir + `coredns.conf
        pods insecure
        ttl 5
` + r.dns + `    }
}
`
}

// resolvConf is what Pods with dnsPolicy Default see.
const resolvConf = "nameserver " + dnsIP + "\n"

// cniConfig routes each Pod by an address on its own veth (ptp) instead of a
// bridge: without br_netfilter a Pod on a bridge cannot reach itself, or a
// neighbour, by a Service's address.
func cniConfig() object {
	return object{
		"cniVersion": "1.0.0", "name": "kubewalk",
		"plugins": []object{
			{"type": "ptp", "ipMasq": false, "mtu": 1500, "ipam": object{
				"type": "host-local", "dataDir": "/run/cni/host-local",
				"ranges": [][]object{{{"subnet": nodeCIDR}}},
				"routes": []object{{"dst": "0.0.0.0/0"}}}},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}
}

// podPids is how many processes a Pod may have, threads included.
const podPids = 2048

func kubeletConfig(r release, s shape) object {
	config := object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": object{
			"anonymous": object{"enabled": false}, "webhook": object{"enabled": true},
			"x509": object{"clientCAFile": pkiDir + "ca.crt"}},
		"authorization":            object{"mode": "Webhook"},
		"tlsCertFile":              pkiDir + "kubelet.crt",
		"tlsPrivateKeyFile":        pkiDir + "kubelet.key",
		"containerRuntimeEndpoint": "unix://" + criSocket,
		"cgroupDriver":             "cgroupfs",
		"failCgroupV1":             false, // refused since 1.35 unless one insists
		"failSwapOn":               false,
		"enforceNodeAllocatable":   []string{},
		"clusterDNS":               []string{dnsVIP},
		"clusterDomain":            domain,
		"resolvConf":               "/run/kubewalk/resolv.conf",
		"volumePluginDir":          "/var/lib/kubelet/volumeplugins", // the default is on the read-only root
		"makeIPTablesUtilChains":   false,                            // kube-proxy has had its own for years
		"oomScoreAdj":              0,                                // lower needs CAP_SYS_RESOURCE
		// A full disk of the machine is no reason to evict Pods of a test.
		"evictionHard": object{"memory.available": "0%", "nodefs.available": "0%",
			"nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
		"imageGCHighThresholdPercent":   100,
		"localStorageCapacityIsolation": false,
		"kubeAPIQPS":                    1000, "kubeAPIBurst": 1000,
	}
	// Where the kernel lacks either, a Pod that asks for it would not start.
	if hasController("pids") {
		config["podPidsLimit"] = podPids
	}
	if exists("/proc/sys/kernel/seccomp/actions_avail") {
		config["seccompDefault"] = true
	}
	// The kubelet limits the group of all Pods by what it takes for the node's
	// memory, which is the machine's, less what is reserved.
	if total, pods := memory(); hasController("memory") && total > pods {
		config["enforceNodeAllocatable"] = []string{"pods"}
		config["systemReserved"] = object{"memory": strconv.FormatUint(total-pods, 10)}
	}
	maps.Copy(config, r.kubeletMore)
	for _, setting := range r.kubeletLacks {
		delete(config, setting)
	}
	return s.inConfig(config)
}

func proxyConfig(s shape) object {
	return s.inConfig(object{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
		"mode":               "iptables",
		"clientConnection":   object{"kubeconfig": etcDir + "kube-proxy.conf"},
		"hostnameOverride":   nodeName,
		"clusterCIDR":        podCIDR,
		"bindAddress":        "0.0.0.0",
		"healthzBindAddress": "127.0.0.1:10256",
		"metricsBindAddress": "127.0.0.1:10249",
		"oomScoreAdj":        0,
		// Sizes of the connection table belong to the machine, not to us.
		"conntrack": object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"iptables":  object{"minSyncPeriod": "50ms", "syncPeriod": "1h"},
	})
}

// writeConfig writes every component's configuration.
func writeConfig(r release, s shape) error {
	texts := map[string]string{
		"/run/kubewalk/containerd.toml": r.containerd,
		"/run/kubewalk/Corefile":        corefile(r),
		"/run/kubewalk/resolv.conf":     resolvConf,
	}
	for path, value := range map[string]object{
		"/run/kubewalk/kubelet.json":        kubeletConfig(r, s),
		"/run/kubewalk/kube-proxy.json":     proxyConfig(s),
		cniConfDir + "10-kubewalk.conflist": cniConfig(),
	} {
		data, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		texts[path] = string(data)
	}
	for path, text := range texts {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
