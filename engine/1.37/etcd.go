package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// walSegment replaces etcd's 64 MiB. It reserves two of them before its first
// write, and here they are memory.
const walSegment = 4 << 20

func runEtcd() {
	wal.SegmentSizeBytes = walSegment
	etcdmain.Main(os.Args)
}
