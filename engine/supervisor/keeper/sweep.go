package keeper

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kubewalk.local/engine/supervisor/event"
)

// SweepMain is `keeper sweep`.
func SweepMain(args []string) int {
	flags := flag.NewFlagSet("keeper sweep", flag.ContinueOnError)
	base := flags.String("base", "", "where the clusters' folders are")
	dry := flags.Bool("dry-run", false, "only say what would be removed")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *base == "" {
		return usageError("keeper sweep needs --base")
	}
	if !sweep(*base, event.NewWriter(os.Stdout, time.Now()), *dry) {
		return exitLeft
	}
	return exitOK
}

// sweep removes what dead keepers left in base, or only finds it, says so, and
// reports whether all of it went. Two sweeps at once do each other no harm.
func sweep(base string, events *event.Writer, dry bool) bool {
	clean := true
	entries, err := os.ReadDir(base)
	if err != nil {
		return clean // no folder, nothing to sweep
	}
	for _, entry := range entries {
		name, dir := entry.Name(), filepath.Join(base, entry.Name())
		switch {
		case !entry.IsDir():
			continue
		case strings.HasPrefix(name, "."+prefix):
			// A keeper that died before it had started anything.
			if earlyDead(name) && !dry {
				_ = os.RemoveAll(dir)
			}
		case strings.HasPrefix(name, prefix):
			// The same base may hold folders of other programs; only what
			// says that it is ours, and whose keeper is surely dead.
			o, err := readOwner(dir)
			if err != nil || !o.dead() {
				continue
			}
			if dry {
				events.Emit(event.Event{Event: "found", Dir: dir})
				continue
			}
			left := removeTraces(o, dir)
			clean = clean && len(left) == 0
			events.Emit(event.Event{Event: "swept", Dir: dir, Left: &left})
		}
	}
	return clean
}
