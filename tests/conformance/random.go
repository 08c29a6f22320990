package conformance

import "testing"

func (w *world) random(t *testing.T) {}
