package records_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/metadatatest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
)

// openDir opens a store in a directory that the test closes at its end.
func openDir(t *testing.T, dir string) *records.Store {
	t.Helper()
	kv, err := badgerstore.Open(context.Background(), badgerstore.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := records.Open(context.Background(), kv)
	if err != nil {
		t.Fatal(errors.Join(err, kv.Close()))
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestBadger(t *testing.T) {
	t.Parallel()
	metadatatest.Run(t, func(t *testing.T) metadatatest.Fixture {
		dir := t.TempDir()
		s := openDir(t, dir)
		return metadatatest.Fixture{Store: s, Reopen: func(t *testing.T) metadata.Store {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return openDir(t, dir)
		}}
	})
}

// wantCode fails the test unless err is a *keyvalue.Error with that code.
func wantCode(t *testing.T, err error, code string) *keyvalue.Error {
	t.Helper()
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %#v, want %s", err, code)
	}
	return e
}

func TestNewerRecords(t *testing.T) {
	t.Parallel()
	s := openDir(t, t.TempDir())
	err := s.KeyValue().Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("schema", "version", []byte(`{"version":99}`)) })
	if err != nil {
		t.Fatal(err)
	}
	_, err = records.Open(context.Background(), s.KeyValue())
	if e := wantCode(t, err, "55000"); !strings.Contains(e.Detail, "is 99") || e.Hint == "" {
		t.Errorf("detail %q, hint %q", e.Detail, e.Hint)
	}
}

func TestCorruptRecord(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openDir(t, t.TempDir())
	for space, key := range map[keyvalue.Space]string{"components": keyvalue.Key("model", "m"), "artifacts": "a"} {
		if err := s.KeyValue().Update(ctx, func(tx keyvalue.Tx) error { return tx.Put(space, key, []byte("{")) }); err != nil {
			t.Fatal(err)
		}
	}
	_, modelErr := s.Model(ctx, "m")
	_, modelsErr := s.Models(ctx)
	_, artifactsErr := s.Artifacts(ctx)
	for name, err := range map[string]error{"components": modelErr, "of components": modelsErr, "of artifacts": artifactsErr} {
		if e := wantCode(t, err, "XX001"); !strings.Contains(e.Message, name) {
			t.Errorf("message %q does not name the record", e.Message)
		}
	}
}

// TestLayout1 opens a store whose models are where layout 1 had them.
func TestLayout1(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	kv, err := badgerstore.Open(ctx, badgerstore.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kv.Close() }) // closed by the store below, mostly
	digest := strings.Repeat("a", 64)
	old := []struct {
		space keyvalue.Space
		key   string
		value string
	}{
		{"models", keyvalue.Key("m"), `{"id":7,"default":2,"last":4}`},
		{"versions", keyvalue.Key(keyvalue.Number(7), keyvalue.Number(2)),
			`{"version":2,"runtime":"onnx","args":[{"name":"x","type":"real"}],"returns":"text","hash":"h2","artifact":"` + digest + `","artifact_bytes":5,"created_by":"ann"}`},
		{"versions", keyvalue.Key(keyvalue.Number(7), keyvalue.Number(4)),
			`{"version":4,"runtime":"starlark","args":[],"returns":"text","hash":"h4","source":"s","options":{"k":"v"},"deterministic":true,"null_on_null":true}`},
		{"model_numbers", keyvalue.Key("gone"), `9`},
		{"counters", "model_id", `8`},
		{"artifacts", digest, `{"digest":"` + digest + `","size":5,"refs":1}`},
		{"schema", "version", `{"version":1}`},
	}
	err = kv.Update(ctx, func(tx keyvalue.Tx) error {
		for _, o := range old {
			if err := tx.Put(o.space, o.key, []byte(o.value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := records.Open(ctx, kv)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Model(ctx, "m")
	if err != nil || m.Default != 2 || m.Owner != "" || len(m.Versions) != 2 || m.Versions[0].Args[0].Type != "real" || m.Versions[0].Artifact != digest ||
		m.Versions[0].CreatedBy != "ann" || m.Versions[1].Options["k"] != "v" || !m.Versions[1].NullOnNull || m.Versions[1].Args == nil {
		t.Fatalf("%+v, %v", m, err)
	}
	for name, want := range map[string]int{"m": 5, "gone": 10, "new": 1} {
		err := s.Update(ctx, func(tx metadata.Tx) error {
			n, err := tx.AddVersion(name, &metadata.Version{Hash: "x"})
			if n != want {
				t.Errorf("the next version of %s is %d", name, n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	models, err := s.Models(ctx)
	if err != nil || len(models) != 3 || len(models[0].Versions) != 1 || len(models[1].Versions) != 3 {
		t.Fatalf("%+v, %v", models, err)
	}
	err = s.KeyValue().View(ctx, func(r keyvalue.Reader) error {
		for _, space := range []keyvalue.Space{"models", "versions", "model_numbers"} {
			if err := r.Scan(space, "", "", 0, func(key string, _ []byte) error {
				t.Errorf("%q is left in %s", key, space)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
