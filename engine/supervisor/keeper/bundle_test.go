package keeper

import (
	"slices"
	"testing"
)

func TestCapabilities(t *testing.T) {
	all := capabilities(0x1ffffffffff)
	if len(all) != 41 || all[0] != "CAP_CHOWN" || all[40] != "CAP_CHECKPOINT_RESTORE" {
		t.Errorf("%d: %v", len(all), all)
	}
	without := capabilities(0x1fffeffffff)
	if len(without) != 40 || slices.Contains(without, "CAP_SYS_RESOURCE") {
		t.Errorf("%v", without)
	}
}
