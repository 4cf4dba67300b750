package keeper

import (
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	log := `time="x" level=warning msg="no \"oom\" count" time="x" level=error msg="run failed: \"a\": read-only" run failed`
	if got := short(log); got != `run failed: "a": read-only` {
		t.Errorf("%s", got)
	}
	if got := short("plain"); got != "plain" {
		t.Errorf("%s", got)
	}
}

func TestRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"mkdir /sys/fs/cgroup/cpu/kubewalk: read-only file system": "cgroups",
		"failed to unshare: Operation not permitted":               "namespaces",
		"write x: no space left on device":                         "room",
		"something else":                                           "log lines",
	} {
		if got := remedyFor(text); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
