// Package tail reads the end of a log file.
package tail

import (
	"io"
	"os"
	"strings"
	"syscall"
)

// maxRead bounds what is read of a file; 20 lines of a component fit easily.
const maxRead = 64 << 10

// maxLine bounds one line, because some components log whole objects in one.
const maxLine = 600

// File returns at most n last lines of the file at path. A file that cannot be
// read has no lines: the caller is already reporting something worse.
func File(path string, n int) []string {
	// A Pod may have put a link or a pipe there.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	return Of(f, n)
}

// Of returns the same of an open file, if it is a regular one.
func Of(f *os.File, n int) []string {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	from := max(0, info.Size()-maxRead)
	data, err := io.ReadAll(io.NewSectionReader(f, from, maxRead))
	if err != nil {
		return nil
	}
	return Lines(string(data), n)
}

// Lines returns at most n last lines of text that are not blank.
func Lines(text string, n int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(line) > maxLine {
			line = strings.ToValidUTF8(line[:maxLine], "") + "…"
		}
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-n):]
}
