// The runner of engine scripts in Go: `conformance PATH`, a script or a folder of them.
//
// What it prints is settled in docs/conformance.md, so that the outputs of two languages can be
// compared byte for byte: the traces and hashes on the standard output, everything else on the
// standard error. Exit status: 0, 1 if a script failed, 2 if there is nothing to run.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tamias.dev/tamias/go-example/tamias"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, out, report io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(report, "usage: conformance PATH (a script, or a folder of *.jsonl)")
		return 2
	}
	paths, err := scripts(args[0])
	if err != nil {
		fmt.Fprintln(report, "error:", err)
		return 2
	}
	// A trace is many short lines; what was printed of a failed script is kept.
	buffered := bufio.NewWriter(out)
	failed := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".jsonl")
		if err := runScript(path, buffered); err != nil {
			failed++
			fmt.Fprintf(report, "FAILED  %s\n%v\n", name, err)
		} else {
			fmt.Fprintf(report, "ok      %s\n", name)
		}
	}
	if err := buffered.Flush(); err != nil {
		fmt.Fprintln(report, "error:", err)
		return 1
	}
	fmt.Fprintf(report, "conformance: %d passed, %d failed\n", len(paths)-failed, failed)
	if failed > 0 {
		return 1
	}
	return 0
}

// scripts is the script itself, or those of a folder in the byte order of their names.
func scripts(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == ".jsonl" {
			paths = append(paths, filepath.Join(path, entry.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s holds no script: their names end in .jsonl", path)
	}
	slices.Sort(paths)
	return paths, nil
}

// runScript opens a kernel with the first line and sends it every other.
func runScript(path string, out io.Writer) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var kernel *tamias.Kernel
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if saysNothing(line) {
			continue
		}
		line = strings.TrimRight(line, "\r\n")
		if kernel == nil {
			if kernel, err = tamias.Open(line); err == nil {
				defer kernel.Close()
			}
		} else {
			err = step(kernel, line, out)
		}
		if err != nil {
			return fmt.Errorf("  at    %s:%d\n  line  %s\n  came  %w", path, number, line, err)
		}
	}
	if kernel == nil {
		return fmt.Errorf("  at    %s:1\n  came  no line that opens a kernel", path)
	}
	hash, err := kernel.StateHash()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "hash %s\n", hash)
	return err
}

func saysNothing(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "#")
}

func step(kernel *tamias.Kernel, line string, out io.Writer) error {
	trace, err := kernel.Command(tamias.NoSession, line)
	if err == nil && trace != "" {
		_, err = fmt.Fprintln(out, trace)
	}
	return err
}
