package keyvaluetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

func empty(t *testing.T, f Fixture) {
	wantKeys(t, f.Store)
	view(t, f.Store, func(r keyvalue.Reader) error {
		_, err := r.Get(space, "a")
		wantAbsent(t, err)
		return nil
	})
	update(t, f.Store, func(tx keyvalue.Tx) error {
		_, err := tx.Get("never_used", "a")
		wantAbsent(t, err)
		return tx.Delete(space, "a")
	})
	update(t, f.Store, func(keyvalue.Tx) error { return nil })
}

func putGetDelete(t *testing.T, f Fixture) {
	put(t, f.Store, "a", "b", "c")
	update(t, f.Store, func(tx keyvalue.Tx) error {
		return errors.Join(tx.Delete(space, "b"), tx.Put(space, "c", []byte(`"again"`)))
	})
	if err := f.Store.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	s := f.Reopen(t)
	wantKeys(t, s, "a", "c")
	view(t, s, func(r keyvalue.Reader) error {
		for key, want := range map[string]string{"a": `"of a"`, "c": `"again"`} {
			if got, err := r.Get(space, key); err != nil || string(got) != want {
				t.Errorf("Get(%q): %q, %v, want %q", key, got, err, want)
			}
		}
		_, err := r.Get(space, "b")
		wantAbsent(t, err)
		return nil
	})
}

func values(t *testing.T, f Fixture) {
	all := map[string]string{
		"null": "null", "number": "-1.50e+3", "spaces": " { \"b\" : 1,\n\t\"a\" : 2 } ", "twice": `{"a":1,"a":2}`,
		"unicode": `"ä 数据 😀"`, "zero": `"\u0000"`, "escapes": `"\\ ' \" % ? $1 :x \n"`, "empty": `{}`,
		"big": `"` + strings.Repeat(`0123456789abcd\"`, 1<<18) + `"`,
	}
	for key, value := range all {
		update(t, f.Store, func(tx keyvalue.Tx) error {
			buffer := []byte(value)
			err := tx.Put(space, key, buffer)
			clear(buffer) // the store must not keep it
			return err
		})
	}
	view(t, f.Store, func(r keyvalue.Reader) error {
		for key, want := range all {
			got, err := r.Get(space, key)
			if err != nil || string(got) != want {
				t.Errorf("Get(%q): %.100q (%d bytes), %v, want %.100q (%d bytes)", key, got, len(got), err, want, len(want))
			}
		}
		return r.Scan(space, "", "", 0, func(key string, value []byte) error {
			if string(value) != all[key] {
				t.Errorf("Scan gives %.100q for %q", value, key)
			}
			clear(value) // it belongs to the caller
			return nil
		})
	})
}

func spaces(t *testing.T, f Fixture) {
	names := []keyvalue.Space{"a", "a_b", "ab", "b", keyvalue.Space(strings.Repeat("z", 32))}
	update(t, f.Store, func(tx keyvalue.Tx) error {
		for _, name := range names {
			if err := tx.Put(name, "key", []byte(`"`+name+`"`)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, f.Store, func(tx keyvalue.Tx) error { return tx.Delete("ab", "key") })
	listed := func(r keyvalue.Reader) error {
		got, err := r.Spaces()
		if want := slices.DeleteFunc(slices.Clone(names), func(s keyvalue.Space) bool { return s == "ab" }); err == nil && !slices.Equal(got, want) {
			t.Errorf("Spaces gives %q, want %q", got, want)
		}
		return err
	}
	view(t, f.Store, listed)
	update(t, f.Store, func(tx keyvalue.Tx) error { return listed(tx) })
	view(t, f.Store, func(r keyvalue.Reader) error {
		for _, name := range names {
			var got []string
			err := r.Scan(name, "", "", 0, func(key string, value []byte) error {
				got = append(got, key+"="+string(value))
				return nil
			})
			want := []string{`key="` + string(name) + `"`}
			if name == "ab" {
				want = nil
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("space %s has %q, %v, want %q", name, got, err, want)
			}
		}
		return nil
	})
}

// ordered are keys in the order of their bytes, which no collation of a language has.
func ordered() []string {
	long := strings.Repeat("l", keyvalue.MaxKeyBytes)
	return []string{
		"\x01", "\x02\x01", "\t", " ", "  ", "!", "\"", "'", "-1", "0", "10", "2", "A", "B", "Z", "_", "a", "a ", "a  ", "a\x01b", "a b", "a-b", "a.b", "a/b", "aA", "a_b",
		"aa", "b", "e", "e\u0301", "f", long[:len(long)-1], long[:len(long)-1] + "k", long, long[:len(long)-1] + "m", "z", "ß", "ä", "é", "ı", "ﬁ", "數", "\uffff", "😀", "\U0010FFFF",
	}
}

func order(t *testing.T, f Fixture) {
	want := ordered()
	slices.Sort(want)
	shuffled := slices.Clone(want)
	slices.Reverse(shuffled)
	put(t, f.Store, shuffled[:len(want)/2]...)
	put(t, f.Store, shuffled[len(want)/2:]...)
	wantKeys(t, f.Store, want...)
	view(t, f.Store, func(r keyvalue.Reader) error {
		for i, from := range want {
			got, err := keys(r, from, "", 0)
			if err != nil || !slices.Equal(got, want[i:]) {
				t.Fatalf("from %q there are %q, %v", from, got, err)
			}
			if got, err := keys(r, "", from, 0); err != nil || !slices.Equal(got, want[:i]) {
				t.Fatalf("up to %q there are %q, %v", from, got, err)
			}
			if got, err := r.Get(space, from); err != nil || !bytes.Equal(got, quoted(from)) {
				t.Fatalf("Get(%q): %q, %v", from, got, err)
			}
		}
		return nil
	})
}

func ranges(t *testing.T, f Fixture) {
	put(t, f.Store, "a", "b/1", "b/2", "b/3", "c")
	cases := []struct {
		from, to string
		limit    int
		want     []string
	}{
		{"", "", 2, []string{"a", "b/1"}},
		{"b/", keyvalue.PrefixEnd("b/"), 0, []string{"b/1", "b/2", "b/3"}},
		{"b/", keyvalue.PrefixEnd("b/"), 1, []string{"b/1"}},
		{"b/1", "b/2", 0, []string{"b/1"}},
		{"b/10", "c", 9, []string{"b/2", "b/3"}},
		{"b/2", "b/2", 0, nil},
		{"c", "a", 0, nil},
		{"d", "", 0, nil},
	}
	read := func(r keyvalue.Reader) error {
		for _, c := range cases {
			if got, err := keys(r, c.from, c.to, c.limit); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("Scan(%q, %q, %d): %q, %v, want %q", c.from, c.to, c.limit, got, err, c.want)
			}
		}
		return nil
	}
	view(t, f.Store, read)
	update(t, f.Store, func(tx keyvalue.Tx) error { return read(tx) })
	enough := errors.New("enough")
	err := f.Store.View(context.Background(), func(r keyvalue.Reader) error {
		return r.Scan(space, "", "", 0, func(string, []byte) error { return enough })
	})
	if err != enough { //nolint:errorlint // it has to be the very same
		t.Errorf("an error of each came back as %v", err)
	}
}

// longScan reads more keys than a store reads at once, and ends at limits around that.
func longScan(t *testing.T, f Fixture) {
	var want []string
	for i := range 1500 {
		want = append(want, fmt.Sprintf("%04d", i))
	}
	for part := range slices.Chunk(want, 500) {
		put(t, f.Store, part...)
	}
	wantKeys(t, f.Store, want...)
	for _, limit := range []int{255, 256, 257, 512, 999, 1000, 1001, 1500, 1501} {
		view(t, f.Store, func(r keyvalue.Reader) error {
			got, err := keys(r, "", "", limit)
			if err != nil || !slices.Equal(got, want[:min(limit, len(want))]) {
				t.Errorf("with the limit %d there are %d keys, %v", limit, len(got), err)
			}
			return nil
		})
	}
}

// scanWithChanges uses the transaction while it scans.
func scanWithChanges(t *testing.T, f Fixture) {
	put(t, f.Store, "a", "b", "c")
	update(t, f.Store, func(tx keyvalue.Tx) error {
		return tx.Scan(space, "", "d", 0, func(key string, value []byte) error {
			inner, err := keys(tx, key, "d", 0)
			if err != nil || len(inner) == 0 {
				t.Errorf("a scan within the scan: %q, %v", inner, err)
			}
			if _, err := tx.Get(space, key); err != nil {
				t.Errorf("Get(%q) within the scan: %v", key, err)
			}
			if err := tx.Delete(space, key); err != nil {
				return err
			}
			return tx.Put(space, "moved "+key, value)
		})
	})
	wantKeys(t, f.Store, "moved a", "moved b", "moved c")
}

func ownChanges(t *testing.T, f Fixture) {
	put(t, f.Store, "a", "b", "c")
	update(t, f.Store, func(tx keyvalue.Tx) error {
		for _, err := range []error{tx.Delete(space, "b"), tx.Put(space, "bb", []byte("1")), tx.Put(space, "c", []byte("2")), tx.Put(space, "d", []byte("3")), tx.Delete(space, "d")} {
			if err != nil {
				return err
			}
		}
		if got, err := keys(tx, "", "", 0); err != nil || !slices.Equal(got, []string{"a", "bb", "c"}) {
			t.Errorf("Scan within the transaction: %q, %v", got, err)
		}
		if got, err := tx.Get(space, "c"); err != nil || string(got) != "2" {
			t.Errorf("Get within the transaction: %q, %v", got, err)
		}
		_, err := tx.Get(space, "b")
		wantAbsent(t, err)
		return nil
	})
	wantKeys(t, f.Store, "a", "bb", "c")
}

func allOrNothing(t *testing.T, f Fixture) {
	put(t, f.Store, "a")
	broken := errors.New("changed my mind")
	err := f.Store.Update(context.Background(), func(tx keyvalue.Tx) error {
		return errors.Join(tx.Put(space, "b", []byte("1")), tx.Delete(space, "a"), tx.Put("other", "c", []byte("1")), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Update: %v, want the change's own error", err)
	}
	wantKeys(t, f.Store, "a")
	view(t, f.Store, func(r keyvalue.Reader) error {
		_, err := r.Get("other", "c")
		wantAbsent(t, err)
		return nil
	})
}

// manyChanges makes as many changes in one transaction as every store takes.
func manyChanges(t *testing.T, f Fixture) {
	value := []byte(`"` + strings.Repeat("v", 198) + `"`)
	update(t, f.Store, func(tx keyvalue.Tx) error {
		for i := range keyvalue.MaxChanges {
			if err := tx.Put(space, fmt.Sprintf("%0200d", i), value); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, f.Store, func(r keyvalue.Reader) error {
		if got, err := keys(r, "", "", 0); err != nil || len(got) != keyvalue.MaxChanges {
			t.Errorf("%d keys, %v", len(got), err)
		}
		return nil
	})
}

func refused(t *testing.T, f Fixture) {
	put(t, f.Store, "a")
	cases := []struct {
		name, code string
		change     func(tx keyvalue.Tx) error
	}{
		{"Put without a key", "22023", func(tx keyvalue.Tx) error { return tx.Put(space, "", nil) }},
		{"Put of a zero", "22023", func(tx keyvalue.Tx) error { return tx.Put(space, "a\x00", nil) }},
		{"Put of no UTF-8", "22023", func(tx keyvalue.Tx) error { return tx.Put(space, "\xff", nil) }},
		{"Put in no space", "22023", func(tx keyvalue.Tx) error { return tx.Put(`a"; DROP`, "a", nil) }},
		{"Put of a long key", "54000", func(tx keyvalue.Tx) error {
			return tx.Put(space, strings.Repeat("k", keyvalue.MaxKeyBytes+1), []byte("1"))
		}},
		{"Put of a big value", "54000", func(tx keyvalue.Tx) error { return tx.Put(space, "a", make([]byte, keyvalue.MaxValueBytes+1)) }},
		{"Get of no UTF-8", "22023", func(tx keyvalue.Tx) error { _, err := tx.Get(space, "\xff"); return err }},
		{"Delete of no UTF-8", "22023", func(tx keyvalue.Tx) error { return tx.Delete(space, "\xff") }},
		{"Scan of no UTF-8", "22023", func(tx keyvalue.Tx) error { _, err := keys(tx, "\xff", "", 0); return err }},
		{"Scan to no UTF-8", "22023", func(tx keyvalue.Tx) error { _, err := keys(tx, "", "\xff", 0); return err }},
	}
	for _, c := range cases {
		err := f.Store.Update(context.Background(), c.change)
		if err == nil {
			t.Errorf("%s gives no error", c.name)
			continue
		}
		wantCode(t, err, c.code)
	}
	wantKeys(t, f.Store, "a")
}

func endedContext(t *testing.T, f Fixture) {
	put(t, f.Store, "a")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := f.Store.Update(ctx, func(tx keyvalue.Tx) error {
		err := tx.Delete(space, "a")
		cancel() // the statement is cancelled while the change is made
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v, want context.Canceled", err)
	}
	called := false
	for name, err := range map[string]error{
		"Update": f.Store.Update(ctx, func(keyvalue.Tx) error { called = true; return nil }),
		"View":   f.Store.View(ctx, func(keyvalue.Reader) error { called = true; return nil }),
	} {
		if !errors.Is(err, context.Canceled) || called {
			t.Errorf("%s with an ended context: %v (called: %v), want context.Canceled", name, err, called)
		}
	}
	wantKeys(t, f.Store, "a")
}

func closed(t *testing.T, f Fixture) {
	put(t, f.Store, "a")
	for range 2 {
		if err := f.Store.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	wantCode(t, f.Store.Update(context.Background(), func(keyvalue.Tx) error { return nil }), "57P01")
	wantCode(t, f.Store.View(context.Background(), func(keyvalue.Reader) error { return nil }), "57P01")
	wantKeys(t, f.Reopen(t), "a")
}
