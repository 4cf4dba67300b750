package keeper

import (
	"slices"
	"testing"
)

func TestCapabilities(t *testing.T) {
	all := capabilities(0x1ffffffffff)
	if len(all) != 41-len(withheld) || all[0] != "CAP_CHOWN" || all[len(all)-1] != "CAP_CHECKPOINT_RESTORE" {
		t.Errorf("%d: %v", len(all), all)
	}
	for _, name := range withheld {
		if !slices.Contains(capabilityNames, name) || slices.Contains(all, "CAP_"+name) {
			t.Errorf("%s is no capability, or not withheld", name)
		}
	}
	without := capabilities(0x1fffeffffff)
	if len(without) != 40-len(withheld) || slices.Contains(without, "CAP_SYS_RESOURCE") {
		t.Errorf("%v", without)
	}
}
