package node

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// minorFile is where the build of the image has noted its minor version of Kubernetes.
const minorFile = "/usr/lib/kubewalk/minor"

// release is what is different about the node of one minor version of Kubernetes. All that differs is here; no other file asks
// which version it is.
type release struct {
	// etcd and the like are flags beside those of every version.
	etcd, apiServer, controllerManager, scheduler, kubelet []string
	// etcdClients is where etcd's clients come.
	etcdClients string
	// kubeletMore are settings of the kubelet's configuration beside those of every version.
	kubeletMore object
	// kubeletLacks are settings of the kubelet's configuration that it does not know.
	kubeletLacks []string
	// containerd is containerd's configuration.
	containerd string
	// dns are more lines for the kubernetes plugin of CoreDNS.
	dns string
	// dnsEndpoint says where the Service kube-dns leads.
	dnsEndpoint creation
	// tokenSecrets says that a ServiceAccount gets a Secret with a token, without which no Pod is made for it.
	tokenSecrets bool
	// policyFiles says that the API server reads admission policies from files, which hold in an untrusted run.
	policyFiles bool
	// authenticationFile says that the API server takes an AuthenticationConfiguration.
	authenticationFile bool
}

// releases are all of them. What is true of the newest is true of most.
var releases = map[string]release{
	"1.37": {
		etcdClients: etcdSocket, containerd: containerd2, dnsEndpoint: dnsSlice,
		policyFiles: true, authenticationFile: true,
	},
	"1.34": {
		etcdClients: etcdSocket, containerd: containerd2, dnsEndpoint: dnsSlice,
		authenticationFile: true,
	},
	"1.20": {
		// Its client cannot speak to this etcd by a socket in the file system. A Pod on the node's network reaches the address, and
		// lacks the certificate, as it does for peers.
		etcdClients: "https://127.0.0.1:2379",
		etcd: []string{"--client-cert-auth", "--trusted-ca-file=" + pkiDir + "etcd-peers.crt",
			"--cert-file=" + pkiDir + "etcd-peer.crt", "--key-file=" + pkiDir + "etcd-peer.key"},
		apiServer: []string{"--etcd-cafile=" + pkiDir + "etcd-peers.crt",
			"--etcd-certfile=" + pkiDir + "etcd-client.crt", "--etcd-keyfile=" + pkiDir + "etcd-client.key",
			"--feature-gates=RemoveSelfLink=false"}, // as every earlier version, and the tutorials of its time
		// They had a port without TLS and authentication, on all addresses.
		controllerManager: []string{"--port=0",
			// It would look for nodes after ten seconds first, and nothing else begins before. The node has its Pods' addresses from
			// the network's configuration.
			"--allocate-node-cidrs=false"},
		scheduler: []string{"--port=0"},
		kubelet:   []string{"--container-runtime=remote", "--container-runtime-endpoint=unix://" + criSocket},
		// Without those addresses it looks at itself only at its interval, which is ten seconds.
		kubeletMore:  object{"nodeStatusUpdateFrequency": "1s", "nodeStatusReportFrequency": "5m"},
		kubeletLacks: []string{"containerRuntimeEndpoint", "failCgroupV1", "localStorageCapacityIsolation", "seccompDefault"},
		containerd:   containerd1,
		dns:          "        noendpoints\n", // CoreDNS would wait for EndpointSlices of v1
		dnsEndpoint:  dnsEndpoints,
		tokenSecrets: true,
	},
}

// ownRelease is that of the image in which this process runs.
func ownRelease() (release, error) {
	text, err := os.ReadFile(minorFile)
	if err != nil {
		return release{}, fmt.Errorf("the image does not say which Kubernetes it has: %w", err)
	}
	minor := strings.TrimSpace(string(text))
	r, known := releases[minor]
	if !known {
		return release{}, fmt.Errorf("the image has Kubernetes %s, and known are %s", minor,
			strings.Join(slices.Sorted(maps.Keys(releases)), ", "))
	}
	return r, nil
}

// takes says why a node of this release cannot be what is asked for. kubewalk refuses the same before.
func (r release) takes(s shape, untrusted bool) error {
	if untrusted && !r.policyFiles {
		return fmt.Errorf("this version of Kubernetes reads no admission policies from files, so nothing would hold an untrusted run")
	}
	if s.Authentication != nil && !r.authenticationFile {
		return fmt.Errorf("this version of Kubernetes takes no AuthenticationConfiguration")
	}
	return nil
}
