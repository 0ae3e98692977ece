package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestFirstLight(t *testing.T) {
	var outs [2]strings.Builder
	for i := range outs {
		if err := run(&outs[i]); err != nil {
			t.Fatal(err)
		}
	}
	out := outs[0].String()
	for _, want := range []string{
		"offer of cpus:4;mem:1024\n",
		`"command":{"shell":"echo world"}}` + "\n",
		"hello is TASK_RUNNING\nworld is TASK_RUNNING\nhello is TASK_FINISHED\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !regexp.MustCompile(`\nhash [0-9a-f]{64}\n$`).MatchString(out) {
		t.Errorf("no hash in\n%s", out)
	}
	if out != outs[1].String() {
		t.Errorf("two runs differ:\n%s\n%s", out, outs[1].String())
	}
}
