// Package tamias is the Tamias scheduling kernel in Go, over the generic verb of its C interface:
// one JSON line in, the outcome and the events that it caused out.
//
//	kernel, err := tamias.Open(`{"clock":"manual"}`)
//	...
//	defer kernel.Close()
//	out, err := kernel.Command(tamias.NoSession, `{"do":"open_session","kind":"operator"}`)
//
// It owns nothing but the handle: what lines mean, which commands there are and what they answer is
// the kernel's business and stands in docs/conformance.md. A rejected command is an [*Error], which
// [errors.Is] compares with a [Code] or a [Class]; the kernel is as it was then.
//
// A [Kernel] may be used by any number of goroutines. It starts none, and it never calls back.
//
// Only cgo.go knows C. How the library is found is said there and in docs/go.md.
package tamias
