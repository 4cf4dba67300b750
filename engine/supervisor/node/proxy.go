package node

import (
	"context"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// serveHost carries connections from a listener of the host to the API server.
// The listener was opened outside and handed down to us, and a socket stays in
// the network namespace in which it was made. So the host reaches the API on
// its own loopback although the node has no interface to it: no bridge, no
// firewall rule, no subnet that something else may use. Behind the listener's
// descriptor are those by which its users are known.
func serveHost(ctx context.Context, fd int, allowed []uint32) error {
	unix.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "host-listener")
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	_ = file.Close()
	go accept(ctx, listener, nil, openPeers(fd+1, allowed))
	return nil
}

// serveGate lets components be started before the API server can serve them. A
// client that is refused, by the kernel or for want of a role, comes back after
// a second or more; one whose connection is merely slow goes on at once. So its
// connection is accepted and kept waiting until open is closed, and a component
// uses the time for its own start.
func serveGate(ctx context.Context, address string, open <-chan struct{}) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go accept(ctx, listener, open, nil)
	return nil
}

func accept(ctx context.Context, listener net.Listener, open <-chan struct{}, only *peers) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			if open != nil {
				<-open
			}
			if only != nil && !only.allows(from) {
				_ = from.Close()
				return
			}
			carry(ctx, from)
		}()
	}
}

// carry copies both ways until both sides have said all they had to say.
func carry(ctx context.Context, from net.Conn) {
	defer from.Close()
	var to net.Conn
	if poll(ctx, func() (err error) { to, err = net.Dial("tcp", apiLocal); return err }) != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{})
	oneWay := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // in the kernel: both ends are TCP
		_ = to.(*net.TCPConn).CloseWrite()
		done <- struct{}{}
	}
	go oneWay(to, from)
	go oneWay(from, to)
	<-done
	<-done
}
