//go:build pkgconfig

package tamias

// #cgo pkg-config: tamias
import "C"
