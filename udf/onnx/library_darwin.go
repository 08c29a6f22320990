package onnx

// How the loader of macOS names things.
const (
	libraryName    = "libonnxruntime.dylib"
	librarySuffix  = ".dylib"
	loaderVariable = "DYLD_LIBRARY_PATH"
)
