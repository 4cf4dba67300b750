package node

import "context"

type creation struct {
	path string
	body object
}

// dnsObjects are what CoreDNS needs: leave to read what it serves, under
// kubeadm's names, and the Service that every Pod's resolv.conf points at. That
// has no selector, since CoreDNS is no Pod here; dnsSlice says where it is, and
// dnsEndpoints where the API has no EndpointSlice of v1.
var dnsObjects = []creation{
	{"/api/v1/namespaces/kube-system/serviceaccounts", object{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": "coredns"}}},
	{"/apis/rbac.authorization.k8s.io/v1/clusterroles", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": object{"name": "system:coredns"},
		"rules": []object{
			{"apiGroups": []string{""}, "resources": []string{"endpoints", "services", "pods", "namespaces"},
				"verbs": []string{"list", "watch"}},
			{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"},
				"verbs": []string{"list", "watch"}},
		}}},
	{"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
		"metadata": object{"name": "system:coredns"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
		"subjects": []object{{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}}}},
	{"/api/v1/namespaces/kube-system/services", object{
		"apiVersion": "v1", "kind": "Service",
		"metadata": object{"name": "kube-dns", "labels": object{
			"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}},
		"spec": object{"clusterIP": dnsVIP, "ports": dnsPorts}}},
}

var (
	dnsSlice = creation{"/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", object{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata": object{"name": "kube-dns-node", "labels": object{
			"kubernetes.io/service-name":             "kube-dns",
			"endpointslice.kubernetes.io/managed-by": "kubewalk"}},
		"addressType": "IPv4",
		"endpoints":   []object{{"addresses": []string{dnsIP}, "conditions": object{"ready": true}}},
		"ports":       dnsPorts}}
	dnsEndpoints = creation{"/api/v1/namespaces/kube-system/endpoints", object{
		"apiVersion": "v1", "kind": "Endpoints", "metadata": object{"name": "kube-dns"},
		"subsets": []object{{"addresses": []object{{"ip": dnsIP}}, "ports": dnsPorts}}}}
	dnsPorts = []object{{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}}
)

// createAll makes the objects in turn, each until it is there: right after its
// start the API server refuses one or another (the namespace is still missing,
// the range of Service addresses is not there yet).
func createAll(ctx context.Context, a *api, list []creation) error {
	for _, o := range list {
		if err := poll(ctx, func() error { return a.create(ctx, o.path, o.body) }); err != nil {
			return err
		}
	}
	return nil
}
