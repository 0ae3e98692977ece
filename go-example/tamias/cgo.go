package tamias

// All calls into the library, and nothing else. The header and the library are found
//
//   - in the compiler's own folders, as after `make install`;
//   - where CGO_CFLAGS and CGO_LDFLAGS say: -I, -L, and -Wl,-rpath for running;
//   - by pkg-config, with `go build -tags pkgconfig` (cgo_pkgconfig.go).
//
// No pointer to Go memory outlives its call and the library never calls back, which noescape and
// nocallback tell the compiler: arguments stay on the stack.

/*
#cgo LDFLAGS: -ltamias
#cgo noescape go_kernel_open
#cgo nocallback go_kernel_open
#cgo noescape go_command
#cgo nocallback go_command
#cgo noescape go_state_hash
#cgo nocallback go_state_hash
#cgo noescape tamias_kernel_free
#cgo nocallback tamias_kernel_free
#cgo noescape tamias_buffer_free
#cgo nocallback tamias_buffer_free
#cgo nocallback tamias_code_name
#cgo nocallback tamias_version

#include "tamias.h"

// The header's INIT macros are C initialisers, so structs are made here.

static int32_t go_kernel_open(_GoString_ json, tamias_kernel **out, tamias_error *err)
{
	tamias_options options = TAMIAS_OPTIONS_INIT;

	*err = (tamias_error)TAMIAS_ERROR_INIT;
	options.json.ptr = _GoStringPtr(json);
	options.json.len = _GoStringLen(json);
	return tamias_kernel_open(&options, out, err);
}

static int32_t go_command(const tamias_kernel *kernel, uint64_t session, _GoString_ line,
                          tamias_buffer *out, tamias_error *err)
{
	*err = (tamias_error)TAMIAS_ERROR_INIT;
	return tamias_command(kernel, session, _GoStringPtr(line), _GoStringLen(line), out, err);
}

static int32_t go_state_hash(const tamias_kernel *kernel, uint8_t *hash, tamias_error *err)
{
	*err = (tamias_error)TAMIAS_ERROR_INIT;
	return tamias_kernel_state_hash(kernel, hash, err);
}
*/
import "C"

import "unsafe"

// HashBytes is the size of a state hash.
const HashBytes = C.TAMIAS_HASH_BYTES

// handle is the library's kernel; nil is none.
type handle = *C.tamias_kernel

func openKernel(options string) (handle, error) {
	var kernel handle
	var err C.tamias_error
	status := C.go_kernel_open(options, &kernel, &err)
	return kernel, failure(status, &err)
}

func freeKernel(kernel handle) {
	C.tamias_kernel_free(kernel)
}

func command(kernel handle, session Session, line string) (string, error) {
	var out C.tamias_buffer
	var err C.tamias_error
	status := C.go_command(kernel, C.uint64_t(session), line, &out, &err)
	if status != C.TAMIAS_OK {
		return "", failure(status, &err)
	}
	text := string(unsafe.Slice((*byte)(unsafe.Pointer(out.data)), out.len))
	C.tamias_buffer_free(&out)
	return text, nil
}

func stateHash(kernel handle) (Hash, error) {
	var hash Hash
	var err C.tamias_error
	status := C.go_state_hash(kernel, (*C.uint8_t)(unsafe.Pointer(&hash)), &err)
	return hash, failure(status, &err)
}

// failure is the error that a status and its record tell; nil if the call succeeded.
func failure(status C.int32_t, err *C.tamias_error) error {
	if status == C.TAMIAS_OK {
		return nil
	}
	return &Error{
		Code:    Code(status),
		Field:   C.GoString(&err.field[0]),
		Index:   int(err.index),
		ID:      uint64(err.id),
		Message: C.GoString(&err.message[0]),
	}
}

func codeName(code Code) string {
	return C.GoString(C.tamias_code_name(C.int32_t(code)))
}

// Version is the version of the library that the program runs with, such as "0.1.0".
func Version() string {
	return C.GoString(C.tamias_version())
}
