package vector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

func mustOpen(t *testing.T, dir string, cfg vector.Config) *vector.Store {
	t.Helper()
	s, err := vector.Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// model is what a store must hold, and the one test of what it does hold.
type model struct {
	cfg  vector.Config
	rows map[string]vector.Item
	mark string
}

func (m *model) check(t *testing.T, s *vector.Store, rng *rand.Rand) {
	t.Helper()
	if s.Len() != len(m.rows) || s.Mark() != m.mark {
		t.Fatalf("%d vectors and mark %q, want %d and %q", s.Len(), s.Mark(), len(m.rows), m.mark)
	}
	var all []vector.Item
	for key, tag := range s.Tags() {
		want, there := m.rows[key]
		if !there || want.Tag != tag {
			t.Fatalf("%s has the tag %d, want %d %v", key, tag, want.Tag, there)
		}
		all = append(all, want)
	}
	for range 3 {
		q := noise(rng, m.cfg.Dimension)
		want := expected(m.cfg.Measure, all, q, 5)
		got, err := s.Search(q, 5, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
	}
}

// Random histories of changes, rebuilds, snapshots and restarts, against a map.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(6, seed))
		m := &model{cfg: vector.Config{Dimension: 1 + rng.IntN(9), Measure: measures[rng.IntN(3)], Exact: rng.IntN(4) == 0}, rows: map[string]vector.Item{}}
		dir := t.TempDir()
		s := mustOpen(t, dir, m.cfg)
		for step := range 60 {
			var err error
			switch rng.IntN(12) {
			case 0:
				err = s.Compact(context.Background())
			case 1:
				err = s.Rebuild(context.Background())
			case 2:
				err = s.Close()
				s = mustOpen(t, dir, m.cfg)
			default:
				var changes []vector.Change
				for range 1 + rng.IntN(80) {
					c := vector.Change{Key: fmt.Sprint(rng.IntN(200))}
					if rng.IntN(3) > 0 {
						c.Tag, c.Vector = rng.Uint64(), noise(rng, m.cfg.Dimension)
						m.rows[c.Key] = c
					} else {
						delete(m.rows, c.Key)
					}
					changes = append(changes, c)
				}
				m.mark = fmt.Sprint(step)
				err = s.Apply(changes, m.mark)
			}
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			m.check(t, s, rng)
		}
	}
}

// logOf is the path of a store's log.
func logOf(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "log-*"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

// A log that a crash cut anywhere gives back what was applied before, and goes on.
func TestTornLog(t *testing.T) {
	t.Parallel()
	cfg := vector.Config{Dimension: 2}
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	var ends []int64
	for i := range 5 {
		if err := s.Apply([]vector.Change{{Key: fmt.Sprint(i), Vector: []float32{1, float32(i)}}}, ""); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(logOf(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	whole, err := os.ReadFile(logOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(logOf(t, dir))
	for cut := range len(whole) {
		torn := t.TempDir()
		// What a disk left behind the cut may be anything.
		data := append(bytes.Clone(whole[:cut]), bytes.Repeat([]byte{byte(cut)}, cut%7)...)
		if err := os.WriteFile(filepath.Join(torn, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := vector.Open(torn, cfg)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := 0
		for want < len(ends) && ends[want] <= int64(cut) {
			want++
		}
		if s.Len() != want {
			t.Fatalf("cut at %d: %d vectors, want %d", cut, s.Len(), want)
		}
		if err := s.Apply([]vector.Change{{Key: "new", Vector: []float32{1, 1}}}, "m"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := mustOpen(t, torn, cfg)
		if again.Len() != want+1 || again.Mark() != "m" {
			t.Fatalf("cut at %d: %d vectors after the next change, want %d", cut, again.Len(), want+1)
		}
	}
}

// A crash between any two steps of a snapshot leaves the store whole.
func TestCrashWhileCompacting(t *testing.T) {
	t.Parallel()
	cfg := vector.Config{Dimension: 3}
	rng := rand.New(rand.NewPCG(7, 7))
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	apply := func(s *vector.Store, n int) {
		for range n {
			if err := s.Apply([]vector.Change{{Key: fmt.Sprint(rng.IntN(50)), Vector: noise(rng, 3)}, {Key: fmt.Sprint(rng.IntN(50))}}, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply(s, 100)
	before := files(t, dir)
	want := s.Tags()
	if err := s.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	after := files(t, dir)
	var log, snapshot string
	for name := range after {
		if strings.HasPrefix(name, "log-") {
			log = name
		} else {
			snapshot = name
		}
	}
	header := after[log]
	for name, left := range map[string]map[string][]byte{
		"the new log is empty":         with(before, log, nil),
		"the new log is there":         with(before, log, header),
		"the snapshot is half-written": with(with(before, log, header), snapshot+".partial", after[snapshot][:50]),
		"the old files are there":      with(with(before, log, header), snapshot, after[snapshot]),
		"everything was done":          after,
	} {
		torn := t.TempDir()
		for file, data := range left {
			if err := os.WriteFile(filepath.Join(torn, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := vector.Open(torn, cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := s.Tags(); len(got) != len(want) {
			t.Errorf("%s: %d vectors, want %d", name, len(got), len(want))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// files reads a directory.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// with is files and one more.
func with(all map[string][]byte, name string, data []byte) map[string][]byte {
	more := map[string][]byte{name: data}
	for n, d := range all {
		if n != name {
			more[n] = d
		}
	}
	return more
}

func TestDamagedSnapshot(t *testing.T) {
	t.Parallel()
	cfg := vector.Config{Dimension: 2}
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	if err := s.Apply(items([][]float32{{1, 2}, {3, 4}, {5, 6}}), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	whole := files(t, dir)
	for name, data := range whole {
		if !strings.HasPrefix(name, "snapshot-") {
			continue
		}
		for at := range data {
			bad := bytes.Clone(data)
			bad[at] ^= 0x10
			torn := t.TempDir()
			if err := os.WriteFile(filepath.Join(torn, name), bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := vector.Open(torn, cfg); !errors.Is(err, vector.ErrDamaged) {
				t.Fatalf("byte %d: %v", at, err)
			}
			if err := vector.Remove(torn); err != nil {
				t.Fatal(err)
			}
			if again, err := vector.Open(torn, cfg); err != nil || again.Len() != 0 {
				t.Fatalf("byte %d: %v after it was removed", at, err)
			} else if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := vector.Open(dir, vector.Config{Dimension: 3}); !errors.Is(err, vector.ErrDamaged) {
		t.Errorf("a store of another dimension: %v", err)
	}
	if _, err := vector.Open(dir, vector.Config{Dimension: 2, Measure: vector.L2}); !errors.Is(err, vector.ErrDamaged) {
		t.Errorf("a store of another measure: %v", err)
	}
}

// What is refused changes nothing, on disk either.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := vector.Config{Dimension: 2, MaxBytes: 2000}
	s := mustOpen(t, dir, cfg)
	good := vector.Change{Key: "good", Vector: []float32{1, 1}}
	var many []vector.Change
	for i := range 100 {
		many = append(many, vector.Change{Key: fmt.Sprint(i), Vector: []float32{1, 1}})
	}
	for _, c := range []struct {
		changes []vector.Change
		want    error
	}{
		{[]vector.Change{good, {Key: "bad", Vector: []float32{1}}}, vector.ErrDimension},
		{append(slices.Clone(many), good), vector.ErrFull},
	} {
		if err := s.Apply(c.changes, "mark"); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	if s.Len() != 0 || s.Mark() != "" {
		t.Errorf("%d vectors are there", s.Len())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply([]vector.Change{good}, ""); !errors.Is(err, vector.ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
	if again := mustOpen(t, dir, cfg); again.Len() != 0 {
		t.Errorf("%d vectors are there after opening it again", again.Len())
	}
}

func FuzzRecover(f *testing.F) {
	cfg := vector.Config{Dimension: 2}
	dir := f.TempDir()
	s, err := vector.Open(dir, cfg)
	if err != nil {
		f.Fatal(err)
	}
	if err := s.Apply([]vector.Change{{Key: "a", Vector: []float32{1, 2}}, {Key: "b", Vector: []float32{3, 4}}, {Key: "a"}}, "m"); err != nil {
		f.Fatal(err)
	}
	seed := func() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(strings.HasPrefix(e.Name(), "snapshot-"), data)
		}
	}
	seed()
	if err := s.Compact(context.Background()); err != nil {
		f.Fatal(err)
	}
	seed()
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, snapshot bool, data []byte) {
		dir := t.TempDir()
		name := "log-000000000000"
		if snapshot {
			name = "snapshot-000000000000"
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := vector.Open(dir, cfg)
		if err != nil {
			return
		}
		if _, err := s.Search([]float32{1, 1}, 3, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply([]vector.Change{{Key: "z", Vector: []float32{1, 1}}}, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
