package tamias

import (
	"encoding/hex"
	"fmt"
	"log"
	"runtime"
	"sync"
)

// Kernel is a scheduling kernel. Close it when it is no longer used; what it decided is kept by its
// journal, if it has one.
//
// Thread-safe.
type Kernel struct {
	// Held for reading during calls, so that Close waits for them.
	mu      sync.RWMutex
	handle  handle
	cleanup runtime.Cleanup
}

// Hash is BLAKE3 of the state: equal for all kernels that accepted the same commands, on any
// machine and in any language.
type Hash [HashBytes]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string {
	return hex.EncodeToString(h[:])
}

// OnLeak is told where a kernel was opened that was garbage collected without having been closed.
// Its memory is lost then. Set it before the first kernel is opened; it is called on a goroutine of
// the runtime.
var OnLeak = func(opened string) {
	log.Printf("tamias: the kernel opened at %s was never closed", opened)
}

// Open opens a kernel as a JSON object says: `{"options":{"preset":"mesos"},"clock":"manual",
// "start":0}`. An empty text is a kernel in memory with default options that follows the machine's
// clock.
//
// Errors: [Malformed] and [BadOption] with the key in Field, [BadTime]; those of the journal, if
// the object names one.
func Open(options string) (*Kernel, error) {
	handle, err := openKernel(options)
	if err != nil {
		return nil, err
	}
	kernel := &Kernel{handle: handle}
	kernel.cleanup = runtime.AddCleanup(kernel, func(opened string) { OnLeak(opened) }, caller())
	return kernel, nil
}

// caller is the place that called the function that calls this.
func caller() string {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return "an unknown place"
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Command sends one JSON line and returns the outcome and the events that it caused, to whatever
// session, one JSON line each, without a newline at the end.
//
// With a session the line is a plain command such as `{"do":"revive","roles":["batch"]}`; with
// [NoSession] it may also be a line of a script. A blank line and one that begins with # give an
// empty text.
//
// Errors: those of the command; [UnknownCommand]; [Malformed] for what is not JSON or not UTF-8;
// [BadScript] if an expectation of a script's line was not met (it was applied then);
// [HandleClosed].
func (k *Kernel) Command(session Session, line string) (string, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.handle == nil {
		return "", errClosed()
	}
	return command(k.handle, session, line)
}

// StateHash is the hash of the state as it is now. It takes time in proportion to the state.
//
// Errors: [HandleClosed].
func (k *Kernel) StateHash() (Hash, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.handle == nil {
		return Hash{}, errClosed()
	}
	return stateHash(k.handle)
}

// Close waits for calls in other goroutines and gives the kernel back. Closing twice is allowed.
// The error is always nil; it is there for [io.Closer].
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.handle != nil {
		k.cleanup.Stop()
		freeKernel(k.handle)
		k.handle = nil
	}
	return nil
}

func errClosed() error {
	return &Error{Code: HandleClosed, Index: -1, Message: "the kernel was closed: open another"}
}
