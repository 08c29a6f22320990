//go:build !darwin

package onnx

// How the loader of Linux and its like names things.
const (
	libraryName    = "libonnxruntime.so"
	librarySuffix  = ".so"
	loaderVariable = "LD_LIBRARY_PATH"
)
