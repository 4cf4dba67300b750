package keeper

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"time"

	"kubewalk.local/engine/supervisor/event"
)

// sweepLimit is how long a look at what killed keepers left may take. What is
// not done by then, a later one does.
const sweepLimit = 5 * time.Second

// SweepMain is `keeper sweep`.
func SweepMain(args []string) int {
	flags := flag.NewFlagSet("keeper sweep", flag.ContinueOnError)
	base := flags.String("base", "", "where the clusters' folders are")
	dry := flags.Bool("dry-run", false, "only say what would be removed")
	limit := flags.Duration("budget", sweepLimit, "how long it may take")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *base == "" {
		return usageError("keeper sweep needs --base")
	}
	events := event.NewWriter(os.Stdout, time.Now())
	clean, err := sweep(*base, events, *dry, *limit)
	switch {
	case err != nil:
		events.Emit(event.Event{Event: "failed", Message: err.Error(), Remedy: "look at that folder's owner and mode"})
		return exitEnvironment
	case !clean:
		return exitLeft
	}
	return exitOK
}

// sweep removes what dead keepers left in base, or only finds it, says so, and
// reports whether all of it went. Two sweeps at once do each other no harm. The
// error says why it could not look.
func sweep(path string, events *event.Writer, dry bool, limit time.Duration) (clean bool, err error) {
	deadline := time.Now().Add(limit)
	base, err := openBase(path)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil // no folder, nothing to sweep
	}
	if err != nil {
		return false, err
	}
	defer base.close()
	names, err := base.names()
	if err != nil {
		return false, err
	}
	clean = true
	for _, name := range names {
		dir := filepath.Join(base.path, name)
		kept := func(err error) {
			clean = false
			events.Emit(event.Event{Event: "kept", Dir: dir, Message: err.Error()})
		}
		switch {
		case earlyName.MatchString(name):
			// A keeper that died before it had started anything.
			if earlyDead(name) && !dry {
				if err := removeTree(base.fd, name, deadline); err != nil {
					kept(err)
				}
			}
		case clusterName.MatchString(name):
			o, err := readOwner(base, name)
			switch {
			case errors.Is(err, os.ErrNotExist):
				// Somebody else has just removed it, or begins to.
			case err != nil:
				kept(err)
			case !o.dead():
			case dry:
				events.Emit(event.Event{Event: "found", Dir: dir})
			case time.Now().After(deadline):
				kept(errors.New("there was no time left for it"))
			default:
				left := removeTraces(o, base, deadline)
				clean = clean && len(left) == 0
				events.Emit(event.Event{Event: "swept", Dir: dir, Left: &left})
			}
		}
	}
	return clean, nil
}
