package keeper

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseMounts(t *testing.T) {
	text := `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu
33 31 0:29 /part /elsewhere rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
a broken line
`
	want := []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}
	if got := parseMounts(text); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestThawWritesOnlyWhatIsThere(t *testing.T) {
	group := t.TempDir()
	if err := os.WriteFile(group+"/freezer.state", []byte("FROZEN"), 0o644); err != nil {
		t.Fatal(err)
	}
	thaw([]string{group, group + "/never-made"})
	state, err := os.ReadFile(group + "/freezer.state")
	if err != nil || !strings.HasPrefix(string(state), "THAWED") {
		t.Errorf("%q %v", state, err)
	}
	if _, err := os.Stat(group + "/cgroup.freeze"); !os.IsNotExist(err) {
		t.Errorf("a file of the other version was made: %v", err)
	}
}

// TestCgroupsAreComputed: nothing that a file says becomes a path.
func TestCgroupsAreComputed(t *testing.T) {
	for _, id := range []string{"", "kubewalk-", "kubewalk-0123456789/../x", "kubewalk-012345678g", "x", "../kubewalk-0123456789"} {
		if groups := cgroupsOf(id); groups != nil {
			t.Errorf("%q: %v", id, groups)
		}
	}
	for _, group := range cgroupsOf("kubewalk-0123456789") {
		if !strings.HasPrefix(group, "/sys/fs/cgroup") || !strings.HasSuffix(group, "/kubewalk/kubewalk-0123456789") {
			t.Errorf("%s", group)
		}
	}
	if isCgroup(t.TempDir()) || isCgroup("/sys/fs/cgroup/never-made") {
		t.Error("a folder that is no cgroup counts as one")
	}
}

func TestInGroup(t *testing.T) {
	text := "5:devices:/kubewalk/kubewalk-0123456789/kubepods/x\n0::/kubewalk/kubewalk-aaaaaaaaaa\n"
	for id, want := range map[string]bool{"kubewalk-0123456789": true, "kubewalk-aaaaaaaaaa": true, "kubewalk-012345678": false} {
		if inGroup(text, id) != want {
			t.Errorf("%s", id)
		}
	}
	if inGroup("5:devices:/other/kubewalk-0123456789\n", "kubewalk-0123456789") {
		t.Error("a group of somebody else counts")
	}
}

// TestRemoveCgroupsDeepestFirst is on the machine's real hierarchies.
func TestRemoveCgroupsDeepestFirst(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it needs root")
	}
	const id = "kubewalk-00000000ff"
	makeCgroups(id)
	tops := cgroupsOf(id)
	made := 0
	for _, top := range tops {
		if os.MkdirAll(top+"/a/b", 0o755) == nil {
			made++
		}
	}
	if made == 0 {
		t.Fatal("no group could be made")
	}
	if left := removeCgroups(id, time.Now().Add(5*time.Second)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	for _, top := range tops {
		if _, err := os.Lstat(top); err == nil {
			t.Errorf("%s stays", top)
		}
	}
}
