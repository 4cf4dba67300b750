// Package event is the language that init speaks to the keeper, and the keeper
// to its starter: one JSON object a line.
package event

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Event is one line. Which fields are set depends on Event:
//
//	phase   name, ms
//	ready   kubeconfig, server, kubernetes, dir, container, ms
//	died    component, status, log, ms
//	again   component, status, ms
//	failed  message, remedy, log, ms
//	swept   dir, left
//	kept    dir, message
//	found   dir
//	ended   ms, left
type Event struct {
	Event      string   `json:"event"`
	Name       string   `json:"name,omitempty"`
	Kubeconfig string   `json:"kubeconfig,omitempty"`
	Server     string   `json:"server,omitempty"`
	Kubernetes string   `json:"kubernetes,omitempty"`
	Dir        string   `json:"dir,omitempty"`
	Container  string   `json:"container,omitempty"`
	Component  string   `json:"component,omitempty"`
	Status     string   `json:"status,omitempty"`
	Message    string   `json:"message,omitempty"`
	Remedy     string   `json:"remedy,omitempty"`
	Log        []string `json:"log,omitempty"`
	// Left is a pointer because an empty list says something ("nothing
	// stayed") and has to be written, and no list does not.
	Left *[]string `json:"left,omitempty"`
	Ms   int64     `json:"ms"`
	// KubeconfigData is the file's content, from init to keeper only: the
	// keeper writes it to a file that nobody else can read.
	KubeconfigData string `json:"kubeconfig_data,omitempty"`
}

// Writer writes events and stamps them with the time since its start.
type Writer struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// NewWriter makes a Writer that writes to out.
func NewWriter(out io.Writer, start time.Time) *Writer {
	return &Writer{out: out, start: start}
}

// Emit writes one event. That nobody reads any more is no reason to stop: what
// has been started still has to be ended, so the error is dropped.
func (w *Writer) Emit(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Ms = time.Since(w.start).Milliseconds()
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	_, _ = w.out.Write(append(line, '\n'))
}

// Phase reports that a part of the start is over.
func (w *Writer) Phase(name string) { w.Emit(Event{Event: "phase", Name: name}) }
