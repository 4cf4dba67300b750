package keeper

import "testing"

func TestTheMachinesMemoryIsRead(t *testing.T) {
	text := "MemTotal:       24684316 kB\nMemFree:         4663456 kB\n"
	if got := parseMemory([]byte(text)); got != 24684316<<10 {
		t.Errorf("got %d", got)
	}
	if got := parseMemory([]byte("nothing of the kind\n")); got != 0 {
		t.Errorf("got %d", got)
	}
}
