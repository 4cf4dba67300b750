package node

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// peers tells who is at the other end of a connection on the host's loopback, by
// the kernel's tables of the host's connections. Any user of the host can connect
// to a port of 127.0.0.1, and the API server takes whoever has no credential for
// system:anonymous, to whom a scenario may give every right. So only its own user
// gets so far.
type peers struct {
	allowed []uint32
	mu      sync.Mutex
	// /proc/net/tcp and tcp6 as the keeper opened them: they stay those of the
	// host's network wherever they are read.
	tables []*os.File
}

// established is the state of a connection that both sides have. Of one that its
// user has closed the tables no longer say whose it was.
const established = "01"

// openPeers takes the tables that were handed down from this descriptor on.
func openPeers(from int, allowed []uint32) *peers {
	p := &peers{allowed: allowed}
	for fd := from; fd < from+hostTables; fd++ {
		unix.CloseOnExec(fd)
		p.tables = append(p.tables, os.NewFile(uintptr(fd), "host-connections"))
	}
	return p
}

// hostTables is how many tables there are.
const hostTables = 2

// allows says whether one of the users that are allowed has made the connection.
// What no table has is nobody's.
func (p *peers) allows(conn net.Conn) bool {
	theirs, ok := conn.RemoteAddr().(*net.TCPAddr)
	ours, also := conn.LocalAddr().(*net.TCPAddr)
	if !ok || !also {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, table := range p.tables {
		if user, found := userOf(table, theirs, ours); found {
			return slices.Contains(p.allowed, user)
		}
	}
	return false
}

// userOf looks a connection up from the side of who made it.
func userOf(table io.ReadSeeker, theirs, ours *net.TCPAddr) (uint32, bool) {
	if _, err := table.Seek(0, io.SeekStart); err != nil {
		return 0, false
	}
	local, remote := inTable(theirs), inTable(ours)
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid …
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[3] != established {
			continue
		}
		if slices.Contains(local, fields[1]) && slices.Contains(remote, fields[2]) {
			user, err := strconv.ParseUint(fields[7], 10, 32)
			return uint32(user), err == nil
		}
	}
	return 0, false
}

// inTable is an address as the tables write it, as one of IPv4 and as the same
// one of IPv6.
func inTable(address *net.TCPAddr) []string {
	var all []string
	for _, ip := range []net.IP{address.IP.To4(), address.IP.To16()} {
		var text strings.Builder
		for at := 0; at+4 <= len(ip); at += 4 {
			fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(ip[at:]))
		}
		all = append(all, fmt.Sprintf("%s:%04X", text.String(), address.Port))
	}
	return all
}
