module kubewalk.local/engine/supervisor

go 1.26.0

require (
	github.com/vishvananda/netlink v1.3.1 // the node's addresses and routes
	golang.org/x/sys v0.47.0 // system calls that the standard library has no name for: mount, setsid, prctl
)

require github.com/vishvananda/netns v0.0.5 // indirect
