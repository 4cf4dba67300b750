package node

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTables opens the tables as the keeper does.
func openTables(t *testing.T) []*os.File {
	t.Helper()
	var tables []*os.File
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.Open(path)
		if err != nil {
			t.Skip("this kernel has no ", path)
		}
		t.Cleanup(func() { table.Close() })
		tables = append(tables, table)
	}
	return tables
}

func TestPeersKnowWhoConnects(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	me := uint32(os.Geteuid())
	accepted := func() net.Conn {
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	check := func(what string, conn net.Conn, allowed uint32, want bool) {
		t.Helper()
		p := &peers{allowed: []uint32{allowed}, tables: openTables(t)}
		if got := p.allows(conn); got != want {
			t.Errorf("%s, allowed %d: %v", what, allowed, got)
		}
		// A table is read from its beginning each time.
		if got := p.allows(conn); got != want {
			t.Errorf("%s, allowed %d, again: %v", what, allowed, got)
		}
	}
	client, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn := accepted()
	defer conn.Close()
	check("IPv4", conn, me, true)
	check("IPv4", conn, me+1, false)
	// Whoever has gone is nobody.
	client.Close()
	check("closed", conn, me, false)

	// The same address as one of IPv6.
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet6{Port: listener.Addr().(*net.TCPAddr).Port}
	copy(to.Addr[:], net.ParseIP("127.0.0.1").To16())
	if err := unix.Connect(fd, to); err != nil {
		t.Skip("no IPv6: ", err)
	}
	mapped := accepted()
	defer mapped.Close()
	check("mapped", mapped, me, true)
	check("mapped", mapped, me+1, false)
}

func TestAConnectionThatNoTableHasIsNobodys(t *testing.T) {
	table := strings.NewReader("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 0100007F:0016 06 00000000:00000000 00:00000000 00000000     0        0 0\n")
	theirs := &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 0x1f90}
	ours := &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 0x16}
	if _, found := userOf(table, theirs, ours); found {
		t.Error("one that waits for its end is found")
	}
}
