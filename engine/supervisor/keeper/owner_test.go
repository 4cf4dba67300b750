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

func TestOwner(t *testing.T) {
	o, err := newOwner("/engine", []string{"/sys/fs/cgroup/cpu"})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := o.makeFolder(filepath.Join(t.TempDir(), "base"))
	if err != nil {
		t.Fatal(err)
	}
	back, err := readOwner(dir)
	if err != nil {
		t.Fatal(err)
	}
	if back.dead() {
		t.Error("we are dead")
	}
	if want := "/sys/fs/cgroup/cpu/kubewalk/" + o.ID; back.Cgroups[0] != want {
		t.Errorf("cgroup %s", back.Cgroups[0])
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
	if err := os.Rename(dir, dir+"x"); err != nil {
		t.Fatal(err)
	}
	if _, err := readOwner(dir + "x"); err == nil {
		t.Error("a folder that was renamed counts as ours")
	}
}

func TestEarlyDead(t *testing.T) {
	self := fmt.Sprintf(".kubewalk-ab.%d.%d", os.Getpid(), startTime(os.Getpid()))
	for name, want := range map[string]bool{
		self: false, self + "1": true, ".kubewalk-ab.x.1": false, ".other.1.1": false, ".kubewalk-ab": false,
	} {
		if got := earlyDead(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
