package node

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEachVersionThatIsBuiltHasItsRelease(t *testing.T) {
	folders, err := filepath.Glob("../../[0-9]*.[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var minors []string
	for _, folder := range folders {
		minors = append(minors, filepath.Base(folder))
	}
	slices.Sort(minors)
	if known := slices.Sorted(maps.Keys(releases)); !slices.Equal(minors, known) {
		t.Errorf("there are folders of %v, and releases of %v", minors, known)
	}
}

func TestAReleaseIsWhatItsProgramsKnow(t *testing.T) {
	for minor, r := range releases {
		if r.containerd == "" || r.dnsEndpoint.path == "" || r.etcdClients == "" {
			t.Errorf("%s lacks a part that each has: %+v", minor, r)
		}
		config := kubeletConfig(r, shape{})
		for _, setting := range r.kubeletLacks {
			if _, there := config[setting]; there {
				t.Errorf("%s: the kubelet gets %s, which it does not know", minor, setting)
			}
		}
		// A kubelet is told of containerd in one way or in the other.
		_, inFile := config["containerRuntimeEndpoint"]
		if asFlag := slices.ContainsFunc(r.kubelet, func(flag string) bool { return strings.Contains(flag, criSocket) }); asFlag == inFile {
			t.Errorf("%s: by a flag %v, in the file %v", minor, asFlag, inFile)
		}
		if got := strings.Contains(corefile(r), "noendpoints"); got != (r.dns != "") {
			t.Errorf("%s: %s", minor, corefile(r))
		}
	}
}

func TestWhatAReleaseCannotBeIsRefused(t *testing.T) {
	authentication := shape{Authentication: object{"kind": "AuthenticationConfiguration"}}
	for minor, want := range map[string][2]bool{"1.37": {true, true}, "1.34": {false, true}, "1.20": {false, false}} {
		untrusted := releases[minor].takes(shape{}, true) == nil
		if got := [2]bool{untrusted, releases[minor].takes(authentication, false) == nil}; got != want {
			t.Errorf("%s: %v", minor, got)
		}
		if err := releases[minor].takes(shape{}, false); err != nil {
			t.Errorf("%s: %v", minor, err)
		}
	}
	if _, err := os.Stat(minorFile); err != nil {
		if _, err := ownRelease(); err == nil {
			t.Error("there is no image here")
		}
	}
}
