package keeper

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process names one process beyond doubt: a pid alone is soon another's.
type process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, from /proc/PID/stat
}

// owner is what a folder says about itself, for whoever finds it later.
type owner struct {
	ID      string  `json:"id"`
	Keeper  process `json:"keeper"`
	Starter process `json:"starter"`
	// Boot and PidNS say where the pids are meant. A folder can be shared by
	// containers, and a pid of another namespace says nothing here.
	Boot  string `json:"boot"`
	PidNS string `json:"pidns"`
}

// startTime reads when a process started, or 0 if it is gone or a zombie.
func startTime(pid int) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	start, _ := parseStat(data)
	return start
}

// parseStat takes the start time out of a stat line, and the parent. The name
// in it may hold spaces and brackets, so counting begins after the last one.
func parseStat(data []byte) (start uint64, parent int) {
	at := bytes.LastIndexByte(data, ')')
	if at < 0 {
		return 0, 0
	}
	fields := strings.Fields(string(data[at+1:]))
	if len(fields) < 20 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(fields[1])
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, parent
	}
	start, _ = strconv.ParseUint(fields[19], 10, 64)
	return start, parent
}

func here() (boot, pidns string) {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	pidns, _ = os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(data)), pidns
}

// digest stands in a folder's name for a boot, or for a namespace of pids.
func digest(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:4])
}

// newOwner describes a cluster that this process is about to start.
func newOwner() (*owner, error) {
	random := make([]byte, 5)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	o := &owner{
		ID:      prefix + hex.EncodeToString(random),
		Keeper:  process{os.Getpid(), startTime(os.Getpid())},
		Starter: process{os.Getppid(), startTime(os.Getppid())},
	}
	o.Boot, o.PidNS = here()
	return o, nil
}

// makeFolder makes the cluster's private folder with owner.json in it. It gets
// its real name only when that file is there: a folder by that name always says
// whose it is, however early its keeper dies.
func (o *owner) makeFolder(base *folder) (string, error) {
	name := fmt.Sprintf(".%s.%d.%d.%s.%s", o.ID, o.Keeper.Pid, o.Keeper.Start, digest(o.Boot), digest(o.PidNS))
	if err := unix.Mkdirat(base.fd, name, 0o700); err != nil {
		return "", err
	}
	early, err := base.open(name)
	if err != nil {
		return "", err
	}
	defer early.close()
	for _, sub := range []string{logsDir, runcRoot, bundleDir, rootDir, emptyDir} {
		if err := unix.Mkdirat(early.fd, sub, 0o700); err != nil {
			return "", err
		}
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(early.path, ownerFile), append(data, '\n'), 0o600); err != nil {
		return "", err
	}
	return filepath.Join(base.path, o.ID), unix.Renameat(base.fd, name, base.fd, o.ID)
}

// readOwner reads what a folder of the base says about itself. Only what can be
// checked is believed of it; no path in it is.
func readOwner(base *folder, name string) (*owner, error) {
	if !clusterName.MatchString(name) {
		return nil, fmt.Errorf("%s is no name of a cluster", name)
	}
	dir, err := base.open(name)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	data, err := dir.read(ownerFile)
	if err != nil {
		return nil, err
	}
	o := &owner{}
	if err := json.Unmarshal(data, o); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir.path, ownerFile), err)
	}
	if o.ID != name {
		return nil, errors.New("the folder's " + ownerFile + " is about another one")
	}
	if o.Keeper.Pid <= 0 || o.Keeper.Start == 0 || o.Boot == "" || o.PidNS == "" {
		return nil, errors.New("the folder's " + ownerFile + " does not say whose it is")
	}
	return o, nil
}

// dead says for sure that the keeper is gone; when that cannot be told, it is
// not.
func (o *owner) dead() bool {
	boot, pidns := here()
	if o.Boot != boot {
		return true
	}
	return o.PidNS == pidns && startTime(o.Keeper.Pid) != o.Keeper.Start
}

// earlyDead reads the same out of the name of a folder whose keeper died before
// owner.json was there. A folder can be shared by containers, so the name says
// where the pid is meant.
func earlyDead(name string) bool {
	parts := earlyName.FindStringSubmatch(name)
	if parts == nil {
		return false
	}
	boot, pidns := here()
	if parts[3] != digest(boot) {
		return true
	}
	pid, err1 := strconv.Atoi(parts[1])
	start, err2 := strconv.ParseUint(parts[2], 10, 64)
	return err1 == nil && err2 == nil && parts[4] == digest(pidns) && startTime(pid) != start
}
