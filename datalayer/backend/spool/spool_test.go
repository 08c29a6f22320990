package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// TestRows puts rows in and takes them out, in memory, across the border to the file, and with long values.
func TestRows(t *testing.T) {
	t.Parallel()
	for _, memory := range []int64{1, 100, 1 << 20} {
		s := spool.New(spool.Limits{Memory: memory, Dir: t.TempDir()})
		for i := range 1000 {
			row := [][]byte{fmt.Append(nil, i), nil, {}, bytes.Repeat([]byte{byte(i)}, i)}
			if err := s.Add(row); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1000 {
			row, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if string(row[0]) != fmt.Sprint(i) || row[1] != nil || row[2] == nil || len(row[2]) != 0 || len(row[3]) != i {
				t.Fatalf("memory %d: row %d came back as %q", memory, i, row)
			}
		}
		if _, err := s.Next(); err != io.EOF {
			t.Fatalf("after the last row: %v", err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRowsWithoutValues counts rows that have none.
func TestRowsWithoutValues(t *testing.T) {
	t.Parallel()
	s := spool.New(spool.Limits{})
	for range 3 {
		if err := s.Add(nil); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for {
		if _, err := s.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Fatalf("%d rows of 3", n)
	}
}

// TestFull refuses what does not fit, with a SQLSTATE.
func TestFull(t *testing.T) {
	t.Parallel()
	s := spool.New(spool.Limits{Memory: 10, Disk: 20, Dir: t.TempDir()})
	defer func() { _ = s.Close() }()
	var err error
	for range 5 {
		if err = s.Add([][]byte{[]byte("12345678")}); err != nil {
			break
		}
	}
	var failure *backend.Error
	if !errors.As(err, &failure) || failure.Code != "53400" {
		t.Fatalf("a full spool: %v", err)
	}
	s = spool.New(spool.Limits{Memory: 1, Dir: "/nowhere"})
	if err := s.Add([][]byte{[]byte("12345678")}); !errors.As(err, &failure) || failure.Code != "53100" {
		t.Fatalf("no directory: %v", err)
	}
}
