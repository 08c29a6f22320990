package main

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// load loads the model file into this process, with the settings that the proxy has by default.
func load(ctx context.Context, s *settings) (udf.Model, error) {
	return onnx.New(onnx.Config{LibraryPath: s.library}).Load(ctx, udf.Spec{Name: "late", Version: 1, Artifact: s.model})
}
