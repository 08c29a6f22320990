package badgerstore

import (
	"context"
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

func TestNewerLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openDir(t, dir)
	if err := s.setLayout(99); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), Config{Dir: dir})
	if e := wantError(t, err, "55000"); !strings.Contains(e.Detail, "is 99") || e.Hint == "" {
		t.Errorf("detail %q, hint %q", e.Detail, e.Hint)
	}
}

func TestLayoutIsNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		s := openDir(t, dir)
		if got, err := s.layout(); err != nil || got != layout {
			t.Fatalf("layout %d, %v, want %d", got, err, layout)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// oldVersion is the key of a version in layout 1.
func oldVersion(id uint64, n uint32) string {
	return string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte(layout1Version), id), n))
}

// layout1 is a database of layout 1, as keys and values.
func layout1() map[string]string {
	digest := strings.Repeat("a", 64)
	return map[string]string{
		"schema": "1", "id": "2",
		"m/m": `{"id":1,"default":1,"last":256}`, "m/a/b": `{"id":2,"last":1}`,
		oldVersion(1, 1): `{"version":1}`, oldVersion(1, 256): `{"version":256}`, oldVersion(2, 1): `{"version":1,"source":"` + strings.Repeat("x", 1<<20) + `"}`,
		"c/gone": "7", "a/" + digest: `{"digest":"` + digest + `","size":3,"refs":1}`,
	}
}

// layout2 is what becomes of it, by space and key.
func layout2() map[string]string {
	old := layout1()
	digest := strings.Repeat("a", 64)
	number := keyvalue.Number
	return map[string]string{
		"counters\x00model_id": "2", "models\x00" + keyvalue.Key("m"): old["m/m"], "models\x00" + keyvalue.Key("a/b"): old["m/a/b"],
		"versions\x00" + keyvalue.Key(number(1), number(1)): old[oldVersion(1, 1)], "versions\x00" + keyvalue.Key(number(1), number(256)): old[oldVersion(1, 256)],
		"versions\x00" + keyvalue.Key(number(2), number(1)): old[oldVersion(2, 1)], "model_numbers\x00" + keyvalue.Key("gone"): "7",
		"artifacts\x00" + digest: old["a/"+digest], "schema": "2",
	}
}

// TestLayout1 opens a database of layout 1, whole and as a crash in the middle of its migration leaves it.
func TestLayout1(t *testing.T) {
	t.Parallel()
	copied := layout1()
	maps.Copy(copied, layout2())
	noted := maps.Clone(copied)
	copied["schema"] = "1"
	half := maps.Clone(noted)
	delete(half, "id")
	delete(half, oldVersion(1, 256))
	for name, before := range map[string]map[string]string{"whole": layout1(), "copied": copied, "noted": noted, "half dropped": half} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, before)
			s := openDir(t, dir)
			if got, want := contents(t, s), layout2(); !maps.Equal(got, want) {
				t.Fatalf("the database has\n%.2000q, want\n%.2000q", got, want)
			}
		})
	}
}

// write makes a database of these keys.
func write(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	config, err := Config{Dir: dir}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(config.options())
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badger.Txn) error {
		for key, value := range all {
			if err := txn.Set([]byte(key), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// contents is everything in a store's database.
func contents(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.db.View(func(txn *badger.Txn) error {
		return eachOf(txn, func(key, value []byte) { all[string(key)] = string(value) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachOf calls each for every key of a database.
func eachOf(txn *badger.Txn, each func(key, value []byte)) error {
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		value, err := it.Item().ValueCopy(nil)
		if err != nil {
			return err
		}
		each(it.Item().KeyCopy(nil), value)
	}
	return nil
}
