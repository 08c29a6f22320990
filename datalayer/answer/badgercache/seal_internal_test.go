package badgercache

import (
	"bytes"
	"testing"
)

// FuzzUnseal reads any bytes as a sealed value: only what was sealed for the key is taken.
func FuzzUnseal(f *testing.F) {
	f.Add([]byte("key"), seal([]byte("key"), []byte("value")))
	f.Add([]byte(""), seal(nil, nil))
	f.Add([]byte("key"), []byte{1, 2, 3})
	f.Add([]byte("kex"), seal([]byte("key"), []byte("value")))
	f.Fuzz(func(t *testing.T, key, sealed []byte) {
		value, ok := unseal(key, sealed)
		if ok && !bytes.Equal(seal(key, value), sealed) {
			t.Fatalf("%x is taken for %x", sealed, seal(key, value))
		}
		whole := seal(key, sealed)
		if value, ok := unseal(key, whole); !ok || !bytes.Equal(value, sealed) {
			t.Fatalf("%x does not come back", sealed)
		}
		whole[len(whole)-1] ^= 1
		if _, ok := unseal(key, whole); ok {
			t.Fatal("a changed value is taken")
		}
	})
}
