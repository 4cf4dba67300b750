package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	for _, err := range []error{
		os.MkdirAll(from+"/a/tmp", 0o755),
		os.Chmod(from+"/a/tmp", 0o777|fs.ModeSticky),
		os.WriteFile(from+"/a/run", []byte("x"), 0o555),
		os.Symlink("run", from+"/a/link"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := copyTree(to, from); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{"/a": fs.ModeDir | 0o755, "/a/tmp": fs.ModeDir | fs.ModeSticky | 0o777, "/a/run": 0o555} {
		info, err := os.Stat(to + path)
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if link, err := os.Readlink(to + "/a/link"); err != nil || link != "run" {
		t.Errorf("%q %v", link, err)
	}
}
