package node

import (
	"slices"
	"strings"
)

const admissionDir = etcDir + "admission/"

// What a Pod of an untrusted run may use. All else that reaches from a Pod to
// its node is refused. It is the baseline of the Pod Security Standards, but for
// volumes, of which only those are let in that hold nothing of the node.
// kubewalk's own check (src/reach/pod.rs) has the same lists.
var (
	untrustedVolumes = []string{"configMap", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
		"projected", "secret"}
	untrustedCapabilities = []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
		"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
	untrustedSysctls = []string{"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
		"net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range",
		"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
		"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"}
)

// optional is a condition on a field that need not be there: every step of the
// path is looked for before the next one.
func optional(of, path, condition string) string {
	var parts []string
	at := of
	for _, key := range strings.Split(path, ".") {
		at += "." + key
		parts = append(parts, "!has("+at+")")
	}
	return strings.Join(append(parts, "("+strings.ReplaceAll(condition, "IT", at)+")"), " || ")
}

func celList(words []string) string { return "['" + strings.Join(words, "', '") + "']" }

// inContext are the rules for a securityContext, a Pod's or a container's.
func inContext(of string) [][2]string {
	in := func(path, condition string) string { return optional(of+".securityContext", path, condition) }
	context := "!has(" + of + ".securityContext) || "
	return [][2]string{
		{context + in("seccompProfile.type", "IT != 'Unconfined'"), "seccompProfile Unconfined"},
		{context + in("appArmorProfile.type", "IT != 'Unconfined'"), "appArmorProfile Unconfined"},
		{context + in("seLinuxOptions", "false"), "seLinuxOptions"},
		{context + in("windowsOptions.hostProcess", "!IT"), "windowsOptions.hostProcess"},
	}
}

// podRules are expressions that hold for a Pod that cannot reach its node, and
// what a Pod has of which one does not.
func podRules() [][2]string {
	spec := "object.spec"
	rules := [][2]string{
		{optional(spec, "hostNetwork", "!IT"), "hostNetwork"},
		{optional(spec, "hostPID", "!IT"), "hostPID"},
		{optional(spec, "hostIPC", "!IT"), "hostIPC"},
		{"!has(object.spec.securityContext) || " + optional(spec+".securityContext", "sysctls",
			"IT.all(s, s.name in "+celList(untrustedSysctls)+")"), "a sysctl that is not of the Pod alone"},
	}
	var kinds []string
	for _, kind := range untrustedVolumes {
		kinds = append(kinds, "has(v."+kind+")")
	}
	rules = append(rules, [2]string{optional(spec, "volumes", "IT.all(v, "+strings.Join(kinds, " || ")+")"),
		"a volume other than " + strings.Join(untrustedVolumes, ", ")})
	rules = append(rules, inContext(spec)...)

	context := func(path, condition string) string {
		return "!has(c.securityContext) || " + optional("c.securityContext", path, condition)
	}
	ofContainer := append([][2]string{
		{context("privileged", "!IT"), "privileged"},
		{context("capabilities.add", "IT.all(x, x in "+celList(untrustedCapabilities)+")"), "an added capability"},
		{context("procMount", "IT == 'Default'"), "procMount"},
		{optional("c", "ports", "IT.all(p, !has(p.hostPort) || p.hostPort == 0)"), "a hostPort"},
		{optional("c", "volumeDevices", "IT.size() == 0"), "volumeDevices"},
	}, inContext("c")...)
	for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop"} {
		for _, way := range []string{"httpGet", "tcpSocket"} {
			ofContainer = append(ofContainer, [2]string{optional("c", probe+"."+way+".host", "IT == ''"),
				"a probe of another host"})
		}
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, rule := range ofContainer {
			rules = append(rules, [2]string{optional(spec, list, "IT.all(c, "+rule[0]+")"), rule[1] + " in " + list})
		}
	}
	return rules
}

// apiRules hold for an APIService behind which there is the API server itself.
// Any other answers in its place also to the kubelet, which starts each Pod that
// it is told of, seen by an admission or not.
var apiRules = [][2]string{{optional("object.spec", "service", "false"), "a service, which would answer in place of the API server"}}

// policy is a ValidatingAdmissionPolicy and its binding, for all users alike.
func policy(name, group, what string, resources []string, rules [][2]string) []object {
	name += ".static.k8s.io" // the API has no objects of that name, so nobody can remove it
	var validations []object
	for _, rule := range rules {
		validations = append(validations, object{"expression": rule[0],
			"message": "an untrusted run has no " + what + " with " + rule[1]})
	}
	api := "admissionregistration.k8s.io/v1"
	return []object{
		{"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": object{"name": name}, "spec": object{
			"failurePolicy": "Fail",
			"matchConstraints": object{"matchPolicy": "Equivalent", "resourceRules": []object{{
				"apiGroups": []string{group}, "apiVersions": []string{"*"},
				"operations": []string{"CREATE", "UPDATE"}, "resources": resources}}},
			"validations": validations}},
		{"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": object{"name": name},
			"spec": object{"policyName": name, "validationActions": []string{"Deny"}}},
	}
}

// restrict writes the policies of an untrusted run, and gives the API server's
// configuration of the plugin that reads them. They are files of the API server and no objects: not even an
// administrator of the cluster can see, change or remove them.
func restrict() (object, error) {
	dir := admissionDir + "policies/"
	all := slices.Concat(policy("untrusted-pods", "", "Pod", []string{"pods", "pods/ephemeralcontainers"}, podRules()),
		policy("untrusted-volumes", "", "PersistentVolume", []string{"persistentvolumes"},
			[][2]string{{"has(object.spec.csi)", "a source on the node or in its network"}}),
		policy("untrusted-apis", "apiregistration.k8s.io", "APIService", []string{"apiservices"}, apiRules))
	if err := writeJSON(dir+"policies.json", object{"apiVersion": "v1", "kind": "List", "items": all}); err != nil {
		return nil, err
	}
	return object{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "ValidatingAdmissionPolicyConfiguration",
		"staticManifestsDir": dir}, nil
}
