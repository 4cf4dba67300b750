package main

import (
	"os"
	"runtime/debug"
	"time"
)

// startGC is how far heaps may outgrow what is live while a node starts, and
// restGC is Go's usual value. The heaps grow from nothing to their size within
// two seconds, and every collection on the way is work for two busy cores that
// nothing comes of; afterwards it is memory that counts.
const (
	startGC   = 400
	restGC    = 100
	startTime = 6 * time.Second
)

// startFast applies that to the long-running programs of a node. A value that
// somebody has set counts more.
func startFast() {
	if os.Getenv("GOGC") != "" || os.Getenv("KUBEWALK_NODE") == "" {
		return
	}
	debug.SetGCPercent(startGC)
	time.AfterFunc(startTime, func() { debug.SetGCPercent(restGC) })
}
