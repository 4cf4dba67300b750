package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestParseStat(t *testing.T) {
	line := "77 (a b) c) S 5 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 9 0 4242 1 2 3"
	if start, parent := parseStat([]byte(line)); start != 4242 || parent != 5 {
		t.Errorf("start %d, parent %d", start, parent)
	}
	zombie := "77 (x) Z 5 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 9 0 4242 1 2 3"
	if start, parent := parseStat([]byte(zombie)); start != 0 || parent != 5 {
		t.Errorf("zombie: start %d, parent %d", start, parent)
	}
	if start, _ := parseStat([]byte("77 (x")); start != 0 {
		t.Error("a broken line has a start time")
	}
}

// testBase is a folder as the keeper wants it.
func testBase(t *testing.T) *folder {
	t.Helper()
	path := filepath.Join(t.TempDir(), "base")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	base, err := openBase(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(base.close)
	return base
}

func TestOwner(t *testing.T) {
	o, err := newOwner()
	if err != nil {
		t.Fatal(err)
	}
	base := testBase(t)
	dir, err := o.makeFolder(base)
	if err != nil {
		t.Fatal(err)
	}
	back, err := readOwner(base, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if back.dead() {
		t.Error("we are dead")
	}
	other := *back
	other.Keeper.Start++
	if !other.dead() {
		t.Error("a keeper with our pid that started at another time counts as alive")
	}
	other.PidNS = "pid:[1]"
	if other.dead() {
		t.Error("a keeper in another pid namespace counts as dead")
	}
	other.Boot = "another"
	if !other.dead() {
		t.Error("a keeper from before the boot counts as alive")
	}
	if err := os.Rename(dir, filepath.Join(base.path, "kubewalk-0123456789")); err != nil {
		t.Fatal(err)
	}
	if _, err := readOwner(base, "kubewalk-0123456789"); err == nil {
		t.Error("a folder that was renamed counts as ours")
	}
}

func TestEarlyDead(t *testing.T) {
	boot, pidns := here()
	name := func(start uint64, boot, pidns string) string {
		return fmt.Sprintf(".kubewalk-0123456789.%d.%d.%s.%s", os.Getpid(), start, digest(boot), digest(pidns))
	}
	start := startTime(os.Getpid())
	for name, want := range map[string]bool{
		name(start, boot, pidns): false, name(start+1, boot, pidns): true,
		// A pid of another container says nothing here, and of another boot nothing runs.
		name(start+1, boot, "pid:[1]"): false, name(start, "another", "pid:[1]"): true,
		".kubewalk-0123456789.x.1": false, ".other.1.1": false, ".kubewalk-ab.1.1": false,
	} {
		if got := earlyDead(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
