package node

import (
	"net"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	replies := make(chan func([]byte) []byte, 1)
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo((<-replies)(append([]byte{}, buf[:n]...)), from)
		}
	}()
	good := func(q []byte) []byte {
		q[2], q[3], q[7] = 0x81, 0, 1
		return append(q, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 96, 0, 1)
	}
	for name, tc := range map[string]struct {
		reply func([]byte) []byte
		ok    bool
	}{
		"good":          {good, true},
		"other address": {func(q []byte) []byte { q = good(q); q[len(q)-1] = 9; return q }, false},
		"no such name":  {func(q []byte) []byte { q = good(q); q[3] = 3; return q }, false},
		"no records":    {func(q []byte) []byte { q[2] = 0x81; return q }, false},
		"other id":      {func(q []byte) []byte { q = good(q); q[0] ^= 1; return q }, false},
		"too short":     {func([]byte) []byte { return []byte{1, 2} }, false},
	} {
		replies <- tc.reply
		err := resolve(c.LocalAddr().String(), "kubernetes.default.svc.cluster.local", "10.96.0.1", time.Second)
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuestion(t *testing.T) {
	want := "\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x01\x00\x01"
	if got := string(question(7, "a.bc")); got != want {
		t.Errorf("%q", got)
	}
}
