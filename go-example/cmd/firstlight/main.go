// First light: a kernel, a simulated agent and a framework in one program, over the generic verb.
//
// Two sessions talk to the kernel: a driver with one agent, and a framework in the role dev. Every
// command answers with its outcome and the events that it caused, for whichever session they are;
// the program hands each event to the side that it is for, until both tasks have finished. The
// clock is manual, so every run prints the same state hash, on every machine and in every language.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tamias.dev/tamias/go-example/tamias"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight:", err)
		os.Exit(1)
	}
}

// line is what of an outcome or an event this program looks at.
type line struct {
	Session tamias.Session `json:"session"`
	Event   string         `json:"event"`

	// Of an offer.
	Offer     string `json:"offer"`
	Resources string `json:"resources"`

	// Of a launch, and of an update.
	Task string          `json:"task"`
	Spec json.RawMessage `json:"spec"`

	Name  string `json:"name"`
	State string `json:"state"`
	UUID  string `json:"uuid"`
}

// world is both sides of the play, and the kernel between them.
type world struct {
	kernel   *tamias.Kernel
	out      io.Writer
	events   []line
	launched bool
	finished int

	driver, framework tamias.Session
}

func run(out io.Writer) (err error) {
	kernel, err := tamias.Open(`{"clock":"manual","start":1000}`)
	if err != nil {
		return err
	}
	defer kernel.Close()
	w := &world{kernel: kernel, out: out}
	if err := w.begin(); err != nil {
		return err
	}
	for len(w.events) > 0 {
		event := w.events[0]
		w.events = w.events[1:]
		if err := w.handle(event); err != nil {
			return err
		}
	}
	if w.finished != 2 {
		return fmt.Errorf("%d of 2 tasks finished", w.finished)
	}
	hash, err := kernel.StateHash()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "hash %s\n", hash)
	return nil
}

// begin opens both sessions, registers the agent and subscribes the framework.
func (w *world) begin() (err error) {
	if w.driver, err = w.open("agent"); err != nil {
		return err
	}
	err = w.send(w.driver, map[string]any{
		"do": "register_agent", "name": "m1",
		"resources": "cpus:4;mem:1024", "attributes": "rack:r1",
	})
	if err != nil {
		return err
	}
	if w.framework, err = w.open("framework"); err != nil {
		return err
	}
	return w.send(w.framework, map[string]any{
		"do": "subscribe", "name": "first-light", "roles": []string{"dev"},
	})
}

func (w *world) open(kind string) (tamias.Session, error) {
	out, err := w.kernel.Command(tamias.NoSession, `{"do":"open_session","kind":"`+kind+`"}`)
	if err != nil {
		return tamias.NoSession, err
	}
	var opened line
	err = json.Unmarshal([]byte(out), &opened)
	return opened.Session, err
}

// send sends a command and keeps the events that it caused.
func (w *world) send(session tamias.Session, command map[string]any) error {
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	out, err := w.kernel.Command(session, string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	_, events, _ := strings.Cut(out, "\n")
	decoder := json.NewDecoder(strings.NewReader(events))
	for {
		var event line
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		w.events = append(w.events, event)
	}
}

// handle gives an event to the side that it is for.
func (w *world) handle(event line) error {
	switch {
	case event.Session == w.driver && event.Event == "launch":
		return w.runTask(event)
	case event.Session == w.framework && event.Event == "offer" && !w.launched:
		return w.useOffer(event)
	case event.Session == w.framework && event.Event == "update":
		return w.takeUpdate(event)
	default:
		return nil
	}
}

// useOffer is the scheduler: two tasks on the first offer.
func (w *world) useOffer(offer line) error {
	fmt.Fprintf(w.out, "offer of %s\n", offer.Resources)
	task := func(name string, command map[string]any) map[string]any {
		return map[string]any{"name": name, "resources": "cpus:1;mem:128", "command": command}
	}
	tasks := []map[string]any{
		task("hello", map[string]any{"argv": []string{"echo", "hello"}}),
		task("world", map[string]any{"shell": "echo world"}),
	}
	w.launched = true
	return w.send(w.framework, map[string]any{
		"do": "accept", "offers": []string{offer.Offer}, "refuse_seconds": 60,
		"operations": []any{map[string]any{"launch": map[string]any{"tasks": tasks}}},
	})
}

// runTask is the agent: a real driver would start a process, this one only says so.
func (w *world) runTask(launch line) error {
	fmt.Fprintf(w.out, "run %s\n", launch.Spec)
	for _, state := range []string{"TASK_RUNNING", "TASK_FINISHED"} {
		update := map[string]any{"do": "update", "task": launch.Task, "state": state}
		if err := w.send(w.driver, update); err != nil {
			return err
		}
	}
	return nil
}

// takeUpdate acknowledges, so that the next update of the task is delivered.
func (w *world) takeUpdate(update line) error {
	fmt.Fprintf(w.out, "%s is %s\n", update.Name, update.State)
	if update.State == "TASK_FINISHED" {
		w.finished++
	}
	return w.send(w.framework, map[string]any{
		"do": "acknowledge", "task": map[string]any{"id": update.Task}, "uuid": update.UUID,
	})
}
