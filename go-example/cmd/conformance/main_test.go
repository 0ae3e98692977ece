package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const script = "# A remark before the first line.\n\n" +
	"{\"script\":\"two sessions\"}\r\n" +
	"{\"do\":\"open_session\",\"kind\":\"operator\",\"as\":\"a\"}\n" +
	"  # Another.\n" +
	"{\"do\":\"open_session\",\"kind\":\"operator\",\"as\":\"ä\"}"

const trace = `{"seq":1,"reply":"session_opened","session":"s0.1"}
{"seq":2,"reply":"session_opened","session":"s1.1"}
hash `

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func runOn(path string) (status int, out, report string) {
	var outs, reports strings.Builder
	status = run([]string{path}, &outs, &reports)
	return status, outs.String(), reports.String()
}

func TestATraceIsWhatCameAndTheHash(t *testing.T) {
	path := write(t, t.TempDir(), "x.jsonl", script)
	status, out, report := runOn(path)
	if status != 0 || report != "ok      x\nconformance: 1 passed, 0 failed\n" {
		t.Errorf("status %d, report %q", status, report)
	}
	hash, ok := strings.CutPrefix(out, trace)
	if !ok || !regexp.MustCompile(`^[0-9a-f]{64}\n$`).MatchString(hash) {
		t.Errorf("got %q", out)
	}
}

func TestAFolderIsRunInTheOrderOfNames(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "b.jsonl", script)
	write(t, folder, "a.jsonl", `{"script":"nothing"}`)
	write(t, folder, "B.jsonl", "{\"script\":\"bad\"}\n{\"do\":\"fly\"}\n")
	write(t, folder, "notes.md", "no script")
	status, out, report := runOn(folder)
	if status != 1 || strings.Count(out, "hash ") != 2 {
		t.Errorf("status %d, out %q", status, out)
	}
	for _, want := range []string{
		"B.jsonl:2\n  line  {\"do\":\"fly\"}\n  came  UnknownCommand: do: ",
		"\nok      a\nok      b\nconformance: 2 passed, 1 failed\n",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in %q", want, report)
		}
	}
}

func TestWhatCannotBeRun(t *testing.T) {
	folder := t.TempDir()
	for text, want := range map[string]string{
		"":                         "x.jsonl:1\n  came  no line that opens a kernel",
		"# nothing\n\n":            "no line that opens a kernel",
		"{\"scrpit\":\"x\"}":       "  line  {\"scrpit\":\"x\"}\n  came  Malformed: scrpit",
		"\n{":                      "x.jsonl:2\n  line  {\n  came  Malformed: ",
		"{\"script\":\"\xe4\"}":    "came  Malformed: options.json: not UTF-8",
		"{\"script\":\"x\"}\n\xff": "x.jsonl:2\n",
	} {
		path := write(t, folder, "x.jsonl", text)
		status, out, report := runOn(path)
		if status != 1 || out != "" || !strings.Contains(report, want) {
			t.Errorf("%q: status %d, out %q, report %q", text, status, out, report)
		}
	}
	for _, path := range []string{filepath.Join(folder, "none.jsonl"), t.TempDir()} {
		if status, out, report := runOn(path); status != 2 || out != "" || report == "" {
			t.Errorf("%s: status %d, out %q, report %q", path, status, out, report)
		}
	}
	var report strings.Builder
	if status := run(nil, &report, &report); status != 2 {
		t.Errorf("status %d", status)
	}
}

// What the project ships runs in Go.
func TestTheCorpus(t *testing.T) {
	status, out, report := runOn("../../../tests/conformance")
	if status != 0 {
		t.Errorf("status %d\n%s", status, report)
	}
	if strings.Count(out, "\nhash ") < 10 {
		t.Errorf("fewer than ten scripts:\n%s", report)
	}
}
