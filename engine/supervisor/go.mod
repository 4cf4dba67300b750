module kubewalk.local/engine/supervisor

go 1.26.0

require golang.org/x/sys v0.47.0 // system calls the standard library has no name for: mount, unshare, pidfd, prctl

require github.com/vishvananda/netlink v1.3.1

require github.com/vishvananda/netns v0.0.5 // indirect
