package node

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shape is how an API server is to be other than usual. Whoever asks for one says
// what it does, and never a flag or the path of a file: those are ours.
type shape struct {
	// Enable and Disable are admission plugins beside the usual ones.
	Enable  []string `json:"enable,omitempty"`
	Disable []string `json:"disable,omitempty"`
	// Plugins are the configurations of admission plugins.
	Plugins map[string]object `json:"plugins,omitempty"`
	// Gates are features that are on or off, in every component of Kubernetes.
	Gates map[string]bool `json:"gates,omitempty"`
	// Anonymous says whether calls without a credential are let in.
	Anonymous *bool `json:"anonymous,omitempty"`
	// Authentication is an AuthenticationConfiguration.
	Authentication object `json:"authentication,omitempty"`
	// Authorization are the authorizers, in order.
	Authorization []string `json:"authorization,omitempty"`
	// Audit is the Policy of the audit log.
	Audit object `json:"audit,omitempty"`
	// Fairness says whether priority and fairness is on, as it is by itself.
	Fairness *bool `json:"fairness,omitempty"`
	// APIs are versions of the API that are served or not.
	APIs map[string]bool `json:"apis,omitempty"`
}

const (
	shapeDir = etcDir + "shape/"
	auditDir = "/var/log/kubernetes/audit/"
)

// word is what a name in a shape may be: they are put together with commas.
var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./-]*$`)

func shapeFlag(flags *flag.FlagSet) *shape {
	s := &shape{}
	flags.Func("shape", "how the API server is to be other than usual, in JSON", func(text string) error {
		in := json.NewDecoder(bytes.NewReader([]byte(text)))
		in.DisallowUnknownFields()
		if err := in.Decode(s); err != nil {
			return err
		}
		return s.check()
	})
	return s
}

// check refuses what would be more than the names that it stands for.
func (s shape) check() error {
	names := slices.Concat(s.Enable, s.Disable, s.Authorization, slices.Collect(maps.Keys(s.Plugins)),
		slices.Collect(maps.Keys(s.Gates)), slices.Collect(maps.Keys(s.APIs)))
	for _, name := range names {
		if !word.MatchString(name) {
			return fmt.Errorf("%q is no name", name)
		}
	}
	return nil
}

// write writes the files that a shape needs, and gives the API server's flags for
// it: the usual ones, where it asks for nothing. The policies of an untrusted run
// are among them whatever it asks for.
func (s shape) write(untrusted bool) ([]string, error) {
	plugins := maps.Clone(s.Plugins)
	if untrusted {
		if err := s.harmless(); err != nil {
			return nil, err
		}
		policies, err := restrict()
		if err != nil {
			return nil, err
		}
		if plugins == nil {
			plugins = map[string]object{}
		}
		plugins["ValidatingAdmissionPolicy"] = policies
	}
	files := map[string]object{}
	flags := s.flags()
	if len(plugins) > 0 {
		path := admissionDir + "config.json"
		var list []object
		for _, name := range slices.Sorted(maps.Keys(plugins)) {
			list = append(list, object{"name": name, "configuration": plugins[name]})
		}
		files[path] = object{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": list}
		flags = append(flags, "--admission-control-config-file="+path)
	}
	if s.Authentication != nil {
		path := shapeDir + "authentication.json"
		files[path] = s.Authentication
		flags = append(flags, "--authentication-config="+path)
	}
	if s.Audit != nil {
		path := shapeDir + "audit.json"
		files[path] = s.Audit
		if err := os.MkdirAll(auditDir, 0o700); err != nil {
			return nil, err
		}
		// In the node's memory, and bounded: 20 MB at most.
		flags = append(flags, "--audit-policy-file="+path, "--audit-log-path="+auditDir+"audit.log",
			"--audit-log-maxsize=10", "--audit-log-maxbackup=1")
	}
	for path, value := range files {
		if err := writeJSON(path, value); err != nil {
			return nil, err
		}
	}
	return flags, nil
}

// flags are those that need no file.
func (s shape) flags() []string {
	enable := s.Enable
	if !slices.Contains(s.Disable, "NodeRestriction") {
		enable = append([]string{"NodeRestriction"}, enable...)
	}
	modes := s.Authorization
	if len(modes) == 0 {
		modes = []string{"Node", "RBAC"}
	}
	flags := []string{"--authorization-mode=" + strings.Join(modes, ",")}
	if len(enable) > 0 {
		flags = append(flags, "--enable-admission-plugins="+strings.Join(enable, ","))
	}
	if len(s.Disable) > 0 {
		flags = append(flags, "--disable-admission-plugins="+strings.Join(s.Disable, ","))
	}
	if s.Anonymous != nil {
		flags = append(flags, "--anonymous-auth="+strconv.FormatBool(*s.Anonymous))
	}
	// On where nothing is said, as in every cluster. It costs a start nothing that
	// can be measured.
	if s.Fairness != nil {
		flags = append(flags, "--enable-priority-and-fairness="+strconv.FormatBool(*s.Fairness))
	}
	flags = append(flags, s.gateFlags()...)
	if len(s.APIs) > 0 {
		flags = append(flags, "--runtime-config="+pairs(s.APIs))
	}
	return flags
}

// harmless refuses what could take the policies of an untrusted run away, or let a
// Pod have what they do not know. kubewalk refuses the same before, with its place.
func (s shape) harmless() error {
	if len(s.Gates) > 0 || len(s.Disable) > 0 || len(s.APIs) > 0 || s.Plugins["ValidatingAdmissionPolicy"] != nil {
		return fmt.Errorf("an untrusted run has no features, APIs or admission plugins other than usual")
	}
	return nil
}

func (s shape) gateFlags() []string {
	if len(s.Gates) == 0 {
		return nil
	}
	return []string{"--feature-gates=" + pairs(s.Gates)}
}

// gated is a component with the same features.
func (s shape) gated(c component) component {
	c.args = append(c.args, s.gateFlags()...)
	return c
}

// inConfig is the configuration of a component with the same features.
func (s shape) inConfig(config object) object {
	if len(s.Gates) > 0 {
		config["featureGates"] = s.Gates
	}
	return config
}

func pairs(of map[string]bool) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, name+"="+strconv.FormatBool(of[name]))
	}
	return strings.Join(list, ",")
}

// writeJSON writes a file that the API server reads, and its folder.
func writeJSON(path string, value object) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make a folder for the API server's configuration: %w", err)
	}
	return os.WriteFile(path, data, 0o644)
}
