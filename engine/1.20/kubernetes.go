package main

import (
	"flag"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // as kubectl's own main does
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the components' usual /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// run hands over to a component's command and ends with its exit code, as its
// own main does.
func run(command *cobra.Command) {
	logs.InitLogs()
	defer logs.FlushLogs()
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

// withGoFlags are those whose own main functions take the flags of Go's
// package, too.
func withGoFlags(command func() *cobra.Command) {
	made := command()
	pflag.CommandLine.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	pflag.CommandLine.AddGoFlagSet(flag.CommandLine)
	run(made)
}

func runAPIServer()         { run(apiserver.NewAPIServerCommand()) }
func runControllerManager() { run(controllermanager.NewControllerManagerCommand()) }
func runKubelet()           { run(kubelet.NewKubeletCommand()) }
func runKubectl()           { withGoFlags(cmd.NewDefaultKubectlCommand) }
func runProxy()             { withGoFlags(proxy.NewProxyCommand) }

func runScheduler() {
	command := scheduler.NewSchedulerCommand()
	pflag.CommandLine.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	run(command)
}
