package tamias_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tamias.dev/tamias/go-example/tamias"
)

func open(t *testing.T, options string) *tamias.Kernel {
	t.Helper()
	kernel, err := tamias.Open(options)
	if err != nil {
		t.Fatalf("Open(%s): %v", options, err)
	}
	t.Cleanup(func() { kernel.Close() })
	return kernel
}

func send(t *testing.T, kernel *tamias.Kernel, session tamias.Session, line string) string {
	t.Helper()
	out, err := kernel.Command(session, line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out
}

func hash(t *testing.T, kernel *tamias.Kernel) tamias.Hash {
	t.Helper()
	hash, err := kernel.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// openFramework is a kernel and the session of a framework in the role dev.
func openFramework(t *testing.T) (*tamias.Kernel, tamias.Session) {
	t.Helper()
	kernel := open(t, `{"clock":"manual"}`)
	out := send(t, kernel, tamias.NoSession, `{"do":"open_session","kind":"framework"}`)
	want := `{"seq":1,"reply":"session_opened","session":"s0.1"}`
	if out != want {
		t.Fatalf("got %s, want %s", out, want)
	}
	session, err := tamias.ParseSession("s0.1")
	if err != nil {
		t.Fatal(err)
	}
	send(t, kernel, session, `{"do":"subscribe","roles":["dev"]}`)
	return kernel, session
}

func TestEventsFollowTheirOutcome(t *testing.T) {
	kernel, framework := openFramework(t)
	out := send(t, kernel, tamias.NoSession, `{"do":"open_session","kind":"agent","as":"m"}`)
	if !strings.Contains(out, `"session":"s1.1"`) {
		t.Fatal(out)
	}
	out = send(t, kernel, tamias.NoSession, `{"do":"register_agent","as":"m","resources":"cpus:4"}`)
	outcome, event, ok := strings.Cut(out, "\n")
	if !ok || !strings.Contains(outcome, `"reply":"registered","agent":"a0.1"`) {
		t.Fatal(out)
	}
	if !strings.Contains(event, `"session":"`+framework.String()+`","event":"offer"`) {
		t.Fatal(out)
	}
}

func TestBlankLinesAndRemarksAreNothing(t *testing.T) {
	kernel := open(t, "")
	for _, line := range []string{"", " ", "\t", "# a remark"} {
		if out := send(t, kernel, tamias.NoSession, line); out != "" {
			t.Errorf("%q: got %q", line, out)
		}
	}
}

func TestTheSameCommandsGiveTheSameHash(t *testing.T) {
	first, _ := openFramework(t)
	second, session := openFramework(t)
	if hash(t, first) != hash(t, second) {
		t.Fatalf("%v and %v", hash(t, first), hash(t, second))
	}
	send(t, second, session, `{"do":"suppress"}`)
	if hash(t, first) == hash(t, second) {
		t.Fatal("suppress did not change the state")
	}
	out := send(t, second, tamias.NoSession, `{"do":"hash"}`)
	if !strings.Contains(out, `"hash":"`+hash(t, second).String()+`"`) {
		t.Fatalf("%s, but StateHash says %v", out, hash(t, second))
	}
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		options string
		code    tamias.Code
		field   string
	}{
		{"{", tamias.Malformed, ""},
		{"\xff", tamias.Malformed, "options.json"},
		{`{"optoins":{}}`, tamias.Malformed, "optoins"},
		{`{"options":{"offer_timeout_seconds":-1}}`, tamias.BadOption,
			"options.offer_timeout_seconds"},
		{`{"clock":"manual","start":-5}`, tamias.BadTime, "start"},
	} {
		kernel, err := tamias.Open(test.options)
		var failure *tamias.Error
		if kernel != nil || !errors.As(err, &failure) {
			t.Fatalf("%q: got %v, %v", test.options, kernel, err)
		}
		if failure.Code != test.code || failure.Field != test.field {
			t.Errorf("%q: got %v at %q: %v", test.options, failure.Code, failure.Field, err)
		}
	}
}

func TestBadLines(t *testing.T) {
	kernel, session := openFramework(t)
	before := hash(t, kernel)
	launch := `{"do":"accept","offers":["o0.1","o9.1"],"on_invalid":"reject","operations":[]}`
	for _, test := range []struct {
		session tamias.Session
		line    string
		code    tamias.Code
		class   tamias.Class
		field   string
		index   int
	}{
		{session, `{"do":`, tamias.Malformed, tamias.ClassInvalidArgument, "", -1},
		{session, `[]`, tamias.Malformed, tamias.ClassInvalidArgument, "", -1},
		{session, `{"do":"fly"}`, tamias.UnknownCommand, tamias.ClassInvalidArgument, "do", -1},
		{session, "{\"do\":\"\xff\"}", tamias.Malformed, tamias.ClassInvalidArgument, "line", -1},
		{session, `{"do":"kill","task":"t","x":1}`, tamias.Malformed,
			tamias.ClassInvalidArgument, "x", -1},
		{session, launch, tamias.OfferGone, tamias.ClassFailedPrecondition, "offers[0]", 0},
		{session, `{"do":"revive","roles":["ops"]}`, tamias.UnknownRole, tamias.ClassNotFound,
			"roles[0]", 0},
		{session, `{"do":"update_weights","weights":[]}`, tamias.WrongSession,
			tamias.ClassPermissionDenied, "session", -1},
		{session + 7, `{"do":"revive"}`, tamias.UnknownSession, tamias.ClassNotFound,
			"session", -1},
	} {
		out, err := kernel.Command(test.session, test.line)
		var failure *tamias.Error
		if out != "" || !errors.As(err, &failure) {
			t.Fatalf("%q: got %q, %v", test.line, out, err)
		}
		if !errors.Is(err, test.code) || !errors.Is(err, test.class) {
			t.Errorf("%q: got %v of class %d", test.line, err, failure.Code.Class())
		}
		if failure.Field != test.field || failure.Index != test.index || failure.Message == "" {
			t.Errorf("%q: got %#v", test.line, failure)
		}
		if hash(t, kernel) != before {
			t.Fatalf("%q changed the state", test.line)
		}
	}
	send(t, kernel, session, `{"do":"revive"}`)
}

func TestErrorsAreNotOthers(t *testing.T) {
	kernel := open(t, "")
	_, err := kernel.Command(tamias.NoSession, `{"do":"fly"}`)
	if errors.Is(err, tamias.Malformed) || errors.Is(err, tamias.ClassNotFound) {
		t.Errorf("%v is another error", err)
	}
	if !strings.HasPrefix(err.Error(), "UnknownCommand: do: there is no command \"fly\"") {
		t.Errorf("got %q", err)
	}
}

func TestAClosedKernel(t *testing.T) {
	kernel := open(t, "")
	for range 2 {
		if err := kernel.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kernel.Command(tamias.NoSession, `{"do":"tick"}`); !isClosed(err) {
		t.Errorf("Command: %v", err)
	}
	if _, err := kernel.StateHash(); !isClosed(err) {
		t.Errorf("StateHash: %v", err)
	}
}

func isClosed(err error) bool {
	return errors.Is(err, tamias.HandleClosed) && errors.Is(err, tamias.ClassClosed)
}

// Each command of each goroutine is done once and whole.
func TestManyGoroutines(t *testing.T) {
	const each = 200
	kernel := open(t, "")
	var all sync.WaitGroup
	sessions := make([]map[string]bool, 4)
	for i := range sessions {
		sessions[i] = map[string]bool{}
		all.Add(1)
		go func() {
			defer all.Done()
			for range each {
				line := `{"do":"open_session","kind":"operator"}`
				out, err := kernel.Command(tamias.NoSession, line)
				if err != nil {
					t.Error(err)
					return
				}
				sessions[i][out] = true
			}
		}()
	}
	all.Wait()
	distinct := map[string]bool{}
	for _, replies := range sessions {
		for reply := range replies {
			distinct[reply] = true
		}
	}
	if len(distinct) != len(sessions)*each {
		t.Errorf("%d replies of %d are distinct", len(distinct), len(sessions)*each)
	}
}

// A kernel that is closed while others use it: each command is done whole or finds it closed.
func TestCloseWaitsForCalls(t *testing.T) {
	kernel := open(t, "")
	started := make(chan struct{})
	done := make(chan error)
	go func() {
		var once sync.Once
		for {
			_, err := kernel.Command(tamias.NoSession, `{"do":"open_session","kind":"operator"}`)
			once.Do(func() { close(started) })
			if err != nil {
				done <- err
				return
			}
		}
	}()
	<-started
	kernel.Close()
	if err := <-done; !isClosed(err) {
		t.Error(err)
	}
}

func TestALeakIsReported(t *testing.T) {
	told := make(chan string, 8)
	before := tamias.OnLeak
	tamias.OnLeak = func(opened string) { told <- opened }
	defer func() { tamias.OnLeak = before }()
	func() {
		kernel, err := tamias.Open("")
		if err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(kernel)
	}()
	for range 100 {
		runtime.GC()
		select {
		case opened := <-told:
			if !strings.Contains(opened, "kernel_test.go:") {
				t.Errorf("opened at %s", opened)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Error("no report")
}

func TestSessions(t *testing.T) {
	for _, text := range []string{"s0.1", "s17.4", fmt.Sprintf("s%d.%d", 1<<32-1, 1<<32-1)} {
		session, err := tamias.ParseSession(text)
		if err != nil || session.String() != text {
			t.Errorf("%s: got %v, %v", text, session, err)
		}
	}
	if session, _ := tamias.ParseSession("s3.2"); session != 2<<32|3 {
		t.Errorf("got %d", session)
	}
	for _, text := range []string{"", "s", "0.1", "s0", "s0.0", "s-1.1", "s0.1.1", "f0.1",
		"s4294967296.1"} {
		if session, err := tamias.ParseSession(text); err == nil {
			t.Errorf("%q: got %v", text, session)
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	kernel, err := tamias.Open("")
	if err != nil {
		b.Fatal(err)
	}
	defer kernel.Close()
	for b.Loop() {
		if _, err := kernel.Command(tamias.NoSession, `{"do":"tick"}`); err != nil {
			b.Fatal(err)
		}
	}
}
