package keeper

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kubewalk.local/engine/supervisor/event"
)

// TestABaseThatOthersCanUseIsNotBelieved: by mode, by owner, by a link.
func TestABaseThatOthersCanUseIsNotBelieved(t *testing.T) {
	base := testBase(t)
	for _, mode := range []os.FileMode{0o755, 0o770, 0o701, 0o777} {
		if err := os.Chmod(base.path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := openBase(base.path); err == nil || !strings.Contains(err.Error(), "others can use it") {
			t.Errorf("%o: %v", mode, err)
		}
		if _, err := sweep(base.path, event.NewWriter(&bytes.Buffer{}, time.Now()), false, time.Second); err == nil {
			t.Errorf("%o: it was swept", mode)
		}
	}
	if err := os.Chmod(base.path, 0o700); err != nil {
		t.Fatal(err)
	}
	link := base.path + "-link"
	if err := os.Symlink(base.path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := openBase(link); err == nil {
		t.Error("a link counts as a base")
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(base.path, 12345, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := openBase(base.path); err == nil || !strings.Contains(err.Error(), "another user (12345)") {
			t.Errorf("%v", err)
		}
	}
}

// TestSweep: only folders of dead keepers that say so in a file of ours, and
// none of the others holds it up.
func TestSweep(t *testing.T) {
	base := testBase(t)
	victim := filepath.Join(t.TempDir(), "victim")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(victim+"/kept", "")
	said := func(id string, change func(*owner)) string {
		o, err := newOwner()
		if err != nil {
			t.Fatal(err)
		}
		o.ID = id
		o.Keeper.Start++
		change(o)
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		// What older engines wrote, and an attacker would.
		return strings.Replace(string(data), "{", `{"cgroups":["/sys/fs/cgroup"],"engine":"/","dir":"`+victim+`",`, 1)
	}
	none := func(*owner) {}
	in := func(name string) string { return filepath.Join(base.path, name) }
	write(in("kubewalk-00000000d1/owner.json"), said("kubewalk-00000000d1", none))
	write(in("kubewalk-00000000d1/logs/x"), "")
	if err := os.Symlink(victim, in("kubewalk-00000000d1/logs/link")); err != nil {
		t.Fatal(err)
	}
	write(in("kubewalk-00000000a1/owner.json"), said("kubewalk-00000000a1", func(o *owner) { o.Keeper.Start-- }))
	write(in("kubewalk-00000000b1/owner.json"), said("kubewalk-00000000b2", none))
	write(in("kubewalk-00000000b2/owner.json"), said("../victim", none))
	write(in("kubewalk-00000000b3/owner.json"), "{"+strings.Repeat(" ", mostOwner)+"}")
	write(in("kubewalk-00000000b4/owner.json"), `{"id":"kubewalk-00000000b4"}`)
	write(in("kubewalk-00000000b5/x"), "")
	if err := syscall.Mkfifo(in("kubewalk-00000000b5/owner.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(in("kubewalk-00000000b6/x"), "")
	if err := os.Symlink(in("kubewalk-00000000d1/owner.json"), in("kubewalk-00000000b6/owner.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, in("kubewalk-00000000b7")); err != nil {
		t.Fatal(err)
	}
	write(in("kubewalk-elsewhere/owner.json"), said("kubewalk-elsewhere", none))

	var out bytes.Buffer
	begun := time.Now()
	clean, err := sweep(base.path, event.NewWriter(&out, begun), false, 5*time.Second)
	if err != nil || clean {
		t.Errorf("clean %v, %v", clean, err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := strings.Count(out.String(), `"event":"swept"`); got != 1 {
		t.Errorf("%d were swept:\n%s", got, out.String())
	}
	if got := strings.Count(out.String(), `"event":"kept"`); got != 7 {
		t.Errorf("%d were kept:\n%s", got, out.String())
	}
	if _, err := os.Lstat(in("kubewalk-00000000d1")); err == nil {
		t.Error("the dead one stays")
	}
	for _, name := range []string{"a1", "b1", "b2", "b3", "b4", "b5", "b6", "b7"} {
		if _, err := os.Lstat(in("kubewalk-00000000" + name)); err != nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Lstat(victim + "/kept"); err != nil {
		t.Error("what a link led to has gone")
	}
}

// TestRemoveTree: deeper than files may be open, and no further than time.
func TestRemoveTree(t *testing.T) {
	base := testBase(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(outside+"/kept", 0o700); err != nil {
		t.Fatal(err)
	}
	at := base.fd
	for i := 0; i < 2500; i++ {
		name := "a-folder-in-a-folder"
		if i == 0 {
			name = "tree"
		}
		if err := unix.Mkdirat(at, name, 0o700); err != nil {
			t.Fatal(err)
		}
		below, err := openDir(at, name)
		if err != nil {
			t.Fatal(err)
		}
		if at != base.fd {
			_ = unix.Close(at)
		}
		at = below
	}
	_ = unix.Close(at)
	if err := os.Symlink(outside, base.path+"/tree/link"); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(base.fd, "tree", time.Now().Add(-time.Second)); err != errLate {
		t.Errorf("without time: %v", err)
	}
	if err := removeTree(base.fd, "tree", time.Now().Add(20*time.Second)); err != nil {
		t.Error(err)
	}
	if names, _ := base.names(); len(names) != 0 {
		t.Errorf("left %v", names)
	}
	if err := removeTree(base.fd, "never-there", time.Now().Add(time.Second)); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(outside + "/kept"); err != nil {
		t.Error(err)
	}
}

// TestNoOtherFileSystemIsEntered: a Pod could not mount there, but root could
// have.
func TestNoOtherFileSystemIsEntered(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it needs root")
	}
	base := testBase(t)
	inside := base.path + "/tree/a/mounted"
	if err := os.MkdirAll(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/kept", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(outside, inside, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	defer unix.Unmount(inside, unix.MNT_DETACH)
	if err := removeTree(base.fd, "tree", time.Now().Add(5*time.Second)); err == nil {
		t.Error("it was removed")
	}
	if _, err := os.Lstat(outside + "/kept"); err != nil {
		t.Error("what was mounted there has been emptied")
	}
}
