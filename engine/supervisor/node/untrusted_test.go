package node

import "testing"

func TestEveryStepOfAPathIsLookedForBeforeTheNext(t *testing.T) {
	got := optional("c", "a.b", "IT != 'x'")
	want := "!has(c.a) || !has(c.a.b) || (c.a.b != 'x')"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEveryKindOfContainerHasTheSameRules(t *testing.T) {
	count := map[string]int{}
	for _, rule := range podRules() {
		for _, list := range []string{" in containers", " in initContainers", " in ephemeralContainers"} {
			if n := len(rule[1]) - len(list); n > 0 && rule[1][n:] == list {
				count[rule[1][:n]]++
			}
		}
	}
	if len(count) == 0 {
		t.Error("there is no rule about containers")
	}
	for what, times := range count {
		if times%3 != 0 {
			t.Errorf("%s is looked at %d times", what, times)
		}
	}
}
