package sqlstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// crashVariable is the environment variable with the URI for a child process of these tests.
const crashVariable = "PINNACLE_TEST_CRASH_URI"

// pairsEach is the number of records that one Update of the child writes, all with the same number.
const pairsEach = 20

// TestChildWrites is the child process: it counts up a record, and writes the same number to others in the same Update,
// until it is killed. It prints each number that Update has returned for.
func TestChildWrites(t *testing.T) {
	uri := os.Getenv(crashVariable)
	if uri == "" {
		t.Skip("this is the child process of another test")
	}
	s := openURI(t, uri)
	for {
		number := 0
		err := s.Update(context.Background(), func(tx keyvalue.Tx) error {
			var err error
			if number, err = counted(tx, "counter"); err != nil {
				return err
			}
			number++
			value := []byte(strconv.Itoa(number))
			for i := range pairsEach {
				if err := tx.Put("things", fmt.Sprintf("copy %d", i), value); err != nil {
					return err
				}
			}
			return tx.Put("things", "counter", value)
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(number)
	}
}

// counted reads a number; 0 where there is none.
func counted(r keyvalue.Reader, key string) (int, error) {
	value, err := r.Get("things", key)
	if errors.Is(err, keyvalue.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// TestKilled kills writers at many moments: afterwards the store has each Update whole or not at all, and all that were
// reported as done. The next writer goes on where the last one was.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, uri := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "meta.db") },
		"PostgreSQL": postgresURI,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := uri(t)
			s := openURI(t, place)
			for round := range 10 {
				reported := max(killed(t, place, 3+round, time.Duration(round)*time.Millisecond), 1)
				whole(t, s, reported)
			}
		})
	}
}

// killed runs a writer, kills it a while after it has reported some numbers, and gives the last one that it reported.
func killed(t *testing.T, uri string, after int, wait time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildWrites$")
	cmd.Env = append(os.Environ(), crashVariable+"="+uri)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	last, seen := 0, 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		number, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			continue
		}
		last = number
		if seen++; seen == after {
			time.AfterFunc(wait, func() { _ = cmd.Process.Kill() }) // a moment within some Update: any is right
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the writer was not killed but ended with %v", err)
	}
	return last
}

// whole fails the test unless all records have the same number, and one that is not before reported.
func whole(t *testing.T, s *Store, reported int) {
	t.Helper()
	err := s.View(context.Background(), func(r keyvalue.Reader) error {
		number, err := counted(r, "counter")
		if err != nil {
			return err
		}
		if number < reported || number > reported+1 {
			t.Errorf("the store has the number %d, the writer reported %d", number, reported)
		}
		for i := range pairsEach {
			if other, err := counted(r, fmt.Sprintf("copy %d", i)); err != nil || other != number {
				t.Errorf("copy %d has the number %d, %v, and the counter %d", i, other, err, number)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
