package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// resolve asks the server for the address of name and wants it to be ip.
func resolve(server, name, ip string, within time.Duration) error {
	c, err := net.Dial("udp", server)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	id := uint16(time.Now().UnixNano())
	if _, err := c.Write(question(id, name)); err != nil {
		return err
	}
	answer := make([]byte, 512)
	n, err := c.Read(answer)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", server, err)
	}
	return checkAnswer(answer[:n], id, ip)
}

// question is a DNS query for an A record.
func question(id uint16, name string) []byte {
	const recursion, one = 0x0100, 1
	q := make([]byte, 12, 64)
	binary.BigEndian.PutUint16(q[0:], id)
	binary.BigEndian.PutUint16(q[2:], recursion)
	binary.BigEndian.PutUint16(q[4:], one)
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	return append(q, 0, 0, 1, 0, 1) // root, type A, class IN
}

// checkAnswer wants a good answer to our question whose last record is ip: the
// last four bytes of an answer without an additional section are its address.
func checkAnswer(answer []byte, id uint16, ip string) error {
	if len(answer) < 12 || binary.BigEndian.Uint16(answer) != id {
		return errors.New("an answer to another question")
	}
	if code := answer[3] & 0x0f; code != 0 {
		return fmt.Errorf("DNS answers with code %d", code)
	}
	if binary.BigEndian.Uint16(answer[6:]) == 0 {
		return errors.New("DNS knows no address")
	}
	if got := net.IP(answer[len(answer)-4:]).String(); got != ip {
		return fmt.Errorf("DNS says %s, not %s", got, ip)
	}
	return nil
}
