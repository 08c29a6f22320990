package keyvaluetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// snapshot changes records while a View reads them.
func snapshot(t *testing.T, f Fixture) {
	a, b := f.both(t)
	put(t, a, "a", "b", "c")
	view(t, a, func(r keyvalue.Reader) error {
		if _, err := r.Get(space, "a"); err != nil {
			return err
		}
		changed := make(chan error, 1)
		go func() {
			changed <- b.Update(context.Background(), func(tx keyvalue.Tx) error {
				return errors.Join(tx.Put(space, "a", []byte("2")), tx.Delete(space, "b"), tx.Put(space, "d", []byte("2")))
			})
		}()
		if err := <-changed; err != nil {
			return err
		}
		if got, err := r.Get(space, "a"); err != nil || string(got) != string(quoted("a")) {
			t.Errorf("a is %q, %v in a View that began before it was changed", got, err)
		}
		if got, err := keys(r, "", "", 0); err != nil || fmt.Sprint(got) != "[a b c]" {
			t.Errorf("Scan gives %q, %v in a View that began before the change", got, err)
		}
		return nil
	})
	wantKeys(t, a, "a", "c", "d")
}

// counter adds to one record from many goroutines and, where there may be two, two stores: each addition counts once.
func counter(t *testing.T, f Fixture) {
	a, b := f.both(t)
	const each = 25
	given := make([]int, 2*each)
	var wg sync.WaitGroup
	for i := range 2 * each {
		s := a
		if i%2 == 1 {
			s = b
		}
		wg.Go(func() {
			err := s.Update(context.Background(), func(tx keyvalue.Tx) (err error) {
				given[i], err = next(tx)
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	seen := map[int]int{}
	for _, n := range given {
		seen[n]++
	}
	for n := 1; n <= len(given); n++ {
		if seen[n] != 1 {
			t.Errorf("the number %d was given %d times", n, seen[n])
		}
	}
}

// next counts a record up.
func next(tx keyvalue.Tx) (int, error) {
	n := 0
	value, err := tx.Get(space, "counter")
	if err == nil {
		n, err = strconv.Atoi(string(value))
	}
	if err != nil && !errors.Is(err, keyvalue.ErrNotFound) {
		return 0, err
	}
	n++
	return n, tx.Put(space, "counter", []byte(strconv.Itoa(n)))
}

// race runs two changes at once, round after round, on two stores where there may be two. In each round both read before
// either of them writes, as far as the store allows that: one that locks lets the second wait.
func race(t *testing.T, f Fixture, rounds int, change func(tx keyvalue.Tx, round, side int, read func()) error, check func(r keyvalue.Reader, round int)) {
	a, b := f.both(t)
	for round := range rounds {
		reading := newMeeting(2)
		var wg sync.WaitGroup
		for side, s := range []keyvalue.Store{a, b} {
			wg.Go(func() {
				defer reading.leave()
				met := false
				err := s.Update(context.Background(), func(tx keyvalue.Tx) error {
					return change(tx, round, side, func() {
						if !met {
							met = true
							reading.wait()
						}
					})
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			})
		}
		wg.Wait()
		view(t, a, func(r keyvalue.Reader) error {
			check(r, round)
			return nil
		})
	}
}

// writeSkew has two transactions that read both of two records and take away one each, if the other is there: one must
// stay.
func writeSkew(t *testing.T, f Fixture) {
	for round := range 10 {
		put(t, f.Store, fmt.Sprintf("%d/0", round), fmt.Sprintf("%d/1", round))
	}
	race(t, f, 10, func(tx keyvalue.Tx, round, side int, read func()) error {
		there := 0
		for i := range 2 {
			_, err := tx.Get(space, fmt.Sprintf("%d/%d", round, i))
			if err == nil {
				there++
			} else if !errors.Is(err, keyvalue.ErrNotFound) {
				return err
			}
		}
		read()
		if there < 2 {
			return nil
		}
		return tx.Delete(space, fmt.Sprintf("%d/%d", round, side))
	}, func(r keyvalue.Reader, round int) {
		if left, err := keys(r, fmt.Sprintf("%d/", round), fmt.Sprintf("%d0", round), 0); err != nil || len(left) != 1 {
			t.Errorf("round %d: %q are left, %v, want one", round, left, err)
		}
	})
}

// phantoms has two transactions that look for records of a kind and make one of their own if there is none: there must
// be one.
func phantoms(t *testing.T, f Fixture) {
	race(t, f, 10, func(tx keyvalue.Tx, round, side int, read func()) error {
		prefix := fmt.Sprintf("%d/", round)
		found, err := keys(tx, prefix, keyvalue.PrefixEnd(prefix), 0)
		read()
		if err != nil || len(found) > 0 {
			return err
		}
		return tx.Put(space, fmt.Sprintf("%d/%d", round, side), []byte("1"))
	}, func(r keyvalue.Reader, round int) {
		prefix := fmt.Sprintf("%d/", round)
		if found, err := keys(r, prefix, keyvalue.PrefixEnd(prefix), 0); err != nil || len(found) != 1 {
			t.Errorf("round %d: there are %q, %v, want one", round, found, err)
		}
	})
}

// deletedUnderReader has one transaction that removes a record unless another refers to it, and one that refers to it if
// it is there.
func deletedUnderReader(t *testing.T, f Fixture) {
	for round := range 10 {
		put(t, f.Store, fmt.Sprintf("thing %d", round))
	}
	race(t, f, 10, func(tx keyvalue.Tx, round, side int, read func()) error {
		thing, use := fmt.Sprintf("thing %d", round), fmt.Sprintf("use %d", round)
		_, thingErr := tx.Get(space, thing)
		_, useErr := tx.Get(space, use)
		read()
		for _, err := range []error{thingErr, useErr} {
			if err != nil && !errors.Is(err, keyvalue.ErrNotFound) {
				return err
			}
		}
		switch {
		case side == 0 && useErr != nil:
			return tx.Delete(space, thing)
		case side == 1 && thingErr == nil:
			return tx.Put(space, use, []byte("1"))
		}
		return nil
	}, func(r keyvalue.Reader, round int) {
		_, thingErr := r.Get(space, fmt.Sprintf("thing %d", round))
		_, useErr := r.Get(space, fmt.Sprintf("use %d", round))
		if (thingErr == nil) != (useErr == nil) {
			t.Errorf("round %d: the thing: %v, its use: %v", round, thingErr, useErr)
		}
	})
}

// reportedConflict has a change that passes on, wrapped, whatever error a collision gives it: it is run again all the
// same.
func reportedConflict(t *testing.T, f Fixture) {
	a, b := f.both(t)
	put(t, a, "counter-free")
	var runs atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		s := a
		if i%2 == 1 {
			s = b
		}
		wg.Go(func() {
			err := s.Update(context.Background(), func(tx keyvalue.Tx) error {
				runs.Add(1)
				if _, err := next(tx); err != nil {
					return fmt.Errorf("count: %w", err)
				}
				return nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	view(t, a, func(r keyvalue.Reader) error {
		if got, err := r.Get(space, "counter"); err != nil || string(got) != "20" {
			t.Errorf("after 20 additions in %d runs the record is %q, %v", runs.Load(), got, err)
		}
		return nil
	})
}
