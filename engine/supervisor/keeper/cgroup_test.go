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

func TestRemoveCgroupsDeepestFirst(t *testing.T) {
	top := t.TempDir() + "/kubewalk/x"
	if err := os.MkdirAll(top+"/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(top+"/c", 0o755); err != nil {
		t.Fatal(err)
	}
	if left := removeCgroups([]string{top, top + "-never-made"}, time.Second); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}
