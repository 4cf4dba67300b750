package tail

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		text string
		n    int
		want []string
	}{
		{"", 3, nil},
		{"a\nb\r\n\n c\n", 2, []string{"b", " c"}},
		{"a\nb", 5, []string{"a", "b"}},
	} {
		if got := Lines(tc.text, tc.n); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q", tc.text, got)
		}
	}
	if got := Lines(strings.Repeat("x", maxLine+1), 1)[0]; got != strings.Repeat("x", maxLine)+"…" {
		t.Errorf("a long line is %d long", len(got))
	}
}

func TestFile(t *testing.T) {
	if got := File("/no/such/file", 3); got != nil {
		t.Errorf("%q", got)
	}
	path := t.TempDir() + "/log"
	if err := os.WriteFile(path, []byte(strings.Repeat("line\n", maxRead)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := File(path, 2); !slices.Equal(got, []string{"line", "last"}) {
		t.Errorf("%q", got)
	}
}
