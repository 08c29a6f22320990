package vector

import "github.com/viterin/vek/vek32"

// dot is the inner product, by AVX2 where the processor has it. The slices are of one length, at least 1.
func dot(a, b []float32) float32 { return vek32.Dot(a, b) }

// distance is the Euclidean distance, by AVX2 where the processor has it.
func distance(a, b []float32) float32 { return vek32.Distance(a, b) }
