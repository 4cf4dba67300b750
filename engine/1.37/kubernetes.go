package main

import (
	"context"
	"os"
	_ "time/tzdata" // CronJobs with a time zone; the node image has no zoneinfo

	"github.com/spf13/cobra"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // as kubectl's own main does
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the components' usual /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// run hands over to a component's command and ends with its exit code.
func run(command *cobra.Command) { os.Exit(cli.Run(command)) }

func runAPIServer()         { run(apiserver.NewAPIServerCommand()) }
func runControllerManager() { run(controllermanager.NewControllerManagerCommand()) }
func runScheduler()         { run(scheduler.NewSchedulerCommand()) }
func runProxy()             { run(proxy.NewProxyCommand()) }

// runKubelet gives a plain context: the kubelet installs its own signal
// handler, and a second one in the same process panics.
func runKubelet() { run(kubelet.NewKubeletCommand(context.Background())) }

// runKubectl is what kubectl's own main does, which is no cli.Run.
func runKubectl() {
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
