package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
)

// The settings of the tests of large statements.
const (
	// envLargeRows is the number of rows, each with arguments of its own.
	envLargeRows = "PINNACLE_TEST_LARGE_ROWS"
	// envLargeOnly names the strategies that run, split by commas; all where it is not there.
	envLargeOnly = "PINNACLE_TEST_LARGE_ONLY"
	// envLargeRoom is the memory that the proxy may take beside what it has, in MiB.
	envLargeRoom = "PINNACLE_TEST_LARGE_ROOM"
)

const (
	// largeRows is the number of rows without envLargeRows. Their arguments alone are 30 MB.
	largeRows = 30_000
	// largeText is the size of an argument in bytes, and that of one where there are more than largeTexts.
	largeText  = 1000
	smallText  = 8
	largeTexts = 1_000_000
	// largeRoom is how much more memory the proxy may take than it had, in MiB: twice what the strategies take here. The arguments
	// of largeRows, held once and with the room that a program needs whose memory is collected, are more.
	largeRoom = 64
)

// largeSettings are such that a statement over largeRows goes every way that is there for many arguments: what the proxy
// remembers, holds for expressions, asks for in a round and holds of a result is a part of theirs.
var largeSettings = []string{"--predict-memory", "2MiB", "--predict-lookup-bytes", "1MiB", "--predict-round-bytes", "4MiB",
	"--predict-result-bytes", "256KiB", "--predict-batch-bytes", "512KiB", "--predict-cache-bytes", "0"}

// largeCase is a strategy: statements, the last of which gives the rows that are looked at.
type largeCase struct {
	name, sql string
	// value is what the one row has; "" where each of the table's rows is given with two equal columns.
	value func(n int) string
	// after is a statement for home that gives the number of rows.
	after string
	// pieces is the number of rows that FETCH takes; 0 for none.
	pieces int
	// copied says that the rows come by COPY.
	copied bool
}

// largeCases are statements with a call for each row of the table many. W is the table, H the call.
var largeCases = []largeCase{
	{name: "stream", sql: "SELECT id, H FROM W"},
	{name: "stream with a condition", sql: "SELECT id, id FROM W WHERE H = id"},
	{name: "group by", sql: "SELECT H, min(id) FROM W GROUP BY 1"},
	{name: "where", sql: "SELECT count(*) FROM W WHERE H % 2 = 0", value: func(n int) string { return strconv.Itoa(n / 2) }},
	{name: "filter", sql: "SELECT count(*) FILTER (WHERE H % 2 = 0) FROM W", value: func(n int) string { return strconv.Itoa(n / 2) }},
	{name: "order by", sql: "SELECT id, H FROM W ORDER BY H DESC"},
	{name: "join", sql: "SELECT count(*) FROM W JOIN other ON H = other.id AND W.id <= 5000", value: func(int) string { return "5000" }},
	{name: "subquery", sql: "SELECT count(p) FROM (SELECT H AS p FROM W) AS q", value: strconv.Itoa},
	{name: "case", sql: "SELECT count(CASE WHEN id % 2 = 0 THEN H END) FROM W", value: func(n int) string { return strconv.Itoa(n / 2) }},
	{name: "rounds", sql: "SELECT count((SELECT H)) FROM W WHERE id <= 5000", value: func(int) string { return "5000" }},
	{name: "update", sql: "UPDATE W SET p = H", after: "SELECT count(*) FROM many WHERE p = id"},
	{name: "insert", sql: "INSERT INTO into_ SELECT id, H FROM W", after: "SELECT count(*) FROM into_ WHERE p = id"},
	{name: "create table", sql: "CREATE TABLE made AS SELECT id, H AS p FROM W", after: "SELECT count(*) FROM made WHERE p = id"},
	{name: "copy", sql: "COPY (SELECT id, H FROM W) TO STDOUT", copied: true},
	{name: "copy of groups", sql: "COPY (SELECT H, min(id) FROM W GROUP BY 1) TO STDOUT", copied: true},
	{name: "cursor", sql: "BEGIN; DECLARE c CURSOR FOR SELECT id, H FROM W; FETCH ALL FROM c; COMMIT"},
	{name: "cursor in pieces", sql: "BEGIN; DECLARE c CURSOR FOR SELECT id, H FROM W", pieces: 10_000},
	{name: "cursor with a condition", sql: "BEGIN; DECLARE c CURSOR FOR SELECT id, id FROM W WHERE H = id", pieces: 10_000},
	{name: "cursor with hold", sql: "DECLARE c CURSOR WITH HOLD FOR SELECT id, H FROM W", pieces: 10_000},
}

// TestBoundedMemory runs every strategy over rows that all have other arguments, in a proxy that may take little more memory
// than it has: the system refuses it more, of which a program dies.
func TestBoundedMemory(t *testing.T) {
	t.Parallel()
	n, room := numberOf(t, envLargeRows, largeRows), numberOf(t, envLargeRoom, largeRoom)
	p, on := bounded(t, "bounded")
	on.exec(t, "CREATE MODEL head(x text) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return int(x[:8])\n$$")
	home := p.opts.databackend
	pad := (largeText - smallText) / 32
	if n > largeTexts {
		pad = 0
	}
	home.exec(t, fmt.Sprintf(`CREATE UNLOGGED TABLE many AS SELECT i AS id, lpad(i::text, %d, '0') || repeat(md5(i::text), %d) AS x, NULL::int AS p FROM generate_series(1, %d) AS i;
		CREATE UNLOGGED TABLE few AS SELECT * FROM many WHERE id <= 2000;
		CREATE UNLOGGED TABLE other AS SELECT id FROM many; CREATE UNLOGGED TABLE into_ (id int, p int); ANALYZE many; ANALYZE other`, smallText, pad, n))
	// Threads and libraries are there before the limit is.
	for _, c := range largeCases {
		if !c.copied && c.pieces == 0 && c.after == "" && !strings.Contains(c.sql, "DECLARE") {
			on.exec(t, c.text("few"))
		}
	}
	p.limitMemory(t, uint64(room)<<20)
	for _, c := range largeCases {
		if only := os.Getenv(envLargeOnly); only != "" && !slices.Contains(strings.Split(only, ","), c.name) {
			continue
		}
		began, used := time.Now(), p.resetPeak(t)
		if err := c.run(t, on, n); err != nil {
			t.Errorf("%s: %v", c.name, err)
			_ = until(time.Second, p.lives) // which one that dies does for a moment yet
		}
		if c.after != "" {
			if got := home.value(t, c.after); got != strconv.Itoa(n) {
				t.Errorf("%s: %s rows are right, not %d", c.name, got, n)
			}
		}
		if p.ended() {
			t.Fatalf("%s: the proxy has ended: %v", c.name, p.cmd.ProcessState)
		}
		t.Logf("%-24s %6.1f s, resident %3d MiB and at most %3d", c.name, time.Since(began).Seconds(), used>>20, p.status(t, "VmHWM")>>20)
	}
	on.open(t).wantRow(t, "SELECT predict('head', '00000007')", "7")
}

// bounded starts a proxy with largeSettings on a database of its own. Its threads, of which there may be more at any time, have
// small stacks, so that the limit is one of what statements take.
func bounded(t *testing.T, database string) (*proxy, *target) {
	t.Helper()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	home, err := world.oracle.newTarget(database, false)
	if err != nil {
		t.Fatal(err)
	}
	return spare(t, proxyOptions{databackend: home, args: largeSettings, log: "info", stack: 1024})
}

// numberOf is a number of the environment, or another where it is not there.
func numberOf(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lives is an error as long as the process is there.
func (p *proxy) lives() error {
	if p.ended() {
		return nil
	}
	return errors.New("the proxy is there")
}

// largeCall finds the call in the statements of largeCases.
var largeCall = regexp.MustCompile(`\bH\b`)

// text is the statement over a table.
func (c largeCase) text(table string) string {
	return replaceTable(largeCall.ReplaceAllString(c.sql, "predict('head', "+table+".x)"), table)
}

// run runs the statement over n rows and looks at what it gives.
func (c largeCase) run(t *testing.T, on *target, n int) error {
	conn, err := pgconn.Connect(t.Context(), on.url(""))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	seen := &largeRowsSeen{}
	switch {
	case c.copied:
		if _, err := conn.CopyTo(t.Context(), seen, c.text("many")); err != nil {
			return err
		}
	default:
		if err := seen.read(conn.Exec(t.Context(), c.text("many"))); err != nil {
			return err
		}
		for before := -1; c.pieces > 0 && seen.rows > before; {
			before = seen.rows
			if err := seen.read(conn.Exec(t.Context(), fmt.Sprintf("FETCH %d FROM c", c.pieces))); err != nil {
				return err
			}
		}
	}
	switch {
	case c.after != "":
		return nil
	case c.value != nil && (seen.rows != 1 || seen.last != c.value(n)):
		return fmt.Errorf("gives %d rows, the last %q, not %s", seen.rows, seen.last, c.value(n))
	case c.value == nil && (seen.rows != n || seen.unlike > 0):
		return fmt.Errorf("gives %d rows, %d of them wrong, not %d", seen.rows, seen.unlike, n)
	}
	return nil
}

// largeRowsSeen counts rows as they come.
type largeRowsSeen struct {
	rows int
	// unlike counts those whose two columns are not equal; last is the last one's first column.
	unlike int
	last   string
	// rest is what Write has got of a row that has not ended.
	rest []byte
}

// read takes the rows of all results.
func (l *largeRowsSeen) read(results *pgconn.MultiResultReader) error {
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			l.row(rows.Values())
		}
		if _, err := rows.Close(); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
}

func (l *largeRowsSeen) row(values [][]byte) {
	l.rows++
	l.last = string(values[0])
	if len(values) > 1 && !bytes.Equal(values[0], values[1]) {
		l.unlike++
	}
}

// Write implements io.Writer, for the text of COPY.
func (l *largeRowsSeen) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			l.rest = append(l.rest[:0], l.rest...)
			return len(text), nil
		}
		l.row(bytes.Split(line, []byte("\t")))
		l.rest = rest
	}
}

// limitMemory has the system refuse the proxy more private memory than it has and so many bytes.
func (p *proxy) limitMemory(t *testing.T, room uint64) {
	t.Helper()
	most := uint64(p.status(t, "VmData")) + room
	const limitData = 2 // RLIMIT_DATA of getrlimit(2)
	limit := syscall.Rlimit{Cur: most, Max: most}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), limitData, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatalf("prlimit: %v", errno)
	}
}

// status is a size of /proc/PID/status (proc_pid_status(5)) in bytes.
func (p *proxy) status(t *testing.T, name string) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines(string(raw)) {
		var kib int64
		if _, err := fmt.Sscanf(line, name+": %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// resetPeak begins the largest resident size anew, and gives the present one.
func (p *proxy) resetPeak(t *testing.T) int64 {
	t.Helper()
	// 5 of clear_refs, proc_pid_clear_refs(5). Where it may not be written, the largest size is that of the whole life.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
	return p.status(t, "VmRSS")
}
