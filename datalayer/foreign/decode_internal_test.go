package foreign

import (
	"bytes"
	"testing"
)

// TestCommands reads what postgres_fdw sends beside statements.
func TestCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]command{
		"":                             {{verb: verbEmpty}},
		"SET search_path = pg_catalog": {{verb: verbSet, name: "search_path", text: "pg_catalog", tag: "SET"}},
		"SET timezone = 'GMT'":         {{verb: verbSet, name: "timezone", text: "'GMT'", tag: "SET"}},
		"START TRANSACTION ISOLATION LEVEL SERIALIZABLE":              {{verb: verbBegin, tag: "START TRANSACTION", serializable: true}},
		"START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY": {{verb: verbBegin, tag: "START TRANSACTION", readOnly: true}},
		"COMMIT TRANSACTION": {{verb: verbCommit, tag: "COMMIT"}},
		"ABORT TRANSACTION":  {{verb: verbRollback, tag: "ROLLBACK"}},
		"SAVEPOINT s2":       {{verb: verbSavepoint, name: "s2", tag: "SAVEPOINT"}},
		"ROLLBACK TO SAVEPOINT s3; RELEASE SAVEPOINT s3": {{verb: verbRollbackTo, name: "s3", tag: "ROLLBACK"}, {verb: verbRelease, name: "s3", tag: "RELEASE"}},
		"DECLARE c1 CURSOR FOR\nSELECT a FROM public.t":  {{verb: verbDeclare, name: "c1", text: "SELECT a FROM public.t", tag: "DECLARE CURSOR"}},
		"FETCH 100 FROM c1":                              {{verb: verbFetch, name: "c1", count: 100}},
		"MOVE BACKWARD ALL IN c1":                        {{verb: verbMove, name: "c1"}},
		"CLOSE c1":                                       {{verb: verbClose, name: "c1", tag: "CLOSE CURSOR"}},
		"DEALLOCATE ALL":                                 {{verb: verbDeallocate, tag: "DEALLOCATE"}},
		"DEALLOCATE pgsql_fdw_prep_1":                    {{verb: verbDeallocate, name: "pgsql_fdw_prep_1", tag: "DEALLOCATE"}},
		"EXPLAIN SELECT 1":                               {{verb: verbExplain, text: "SELECT 1", tag: "EXPLAIN"}},
		"SELECT ';' FROM public.t":                       {{verb: verbStatement, text: "SELECT ';' FROM public.t"}},
	} {
		got := splitCommands(text)
		if len(got) != len(want) {
			t.Errorf("%q is %+v", text, got)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q is %+v, not %+v", text, got[i], want[i])
			}
		}
	}
}

// TestTickets gives tickets out, across the border to the file, and finds their rows.
func TestTickets(t *testing.T) {
	t.Parallel()
	tk := tickets{limit: 100, disk: 1 << 20, directory: t.TempDir(), scans: 1}
	defer tk.reset()
	key := func(i int) [][]byte { return [][]byte{bytes.Repeat([]byte{byte(i)}, i), {}} }
	var given [][]byte
	for i := range 200 {
		ticket, err := tk.issue(nil, 1, i%2 == 0, key(i))
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, ticket)
	}
	for i, ticket := range given {
		row, err := tk.find(ticket)
		if err != nil || len(row.key) != 2 || !bytes.Equal(row.key[0], key(i)[0]) || row.joined != (i%2 == 0) || tk.void(row, "t") {
			t.Fatalf("ticket %s of row %d gave %+v, %v", ticket, i, row, err)
		}
		if err := tk.use(row, "t"); err != nil {
			t.Fatal(err)
		}
		if row, err = tk.find(ticket); err != nil || !tk.void(row, "t") {
			t.Fatalf("ticket %s serves twice: %+v, %v", ticket, row, err)
		}
	}
	// Another ticket of a scan that had begun by then is void too, one of a later scan is not.
	for scan, void := range map[uint64]bool{1: true, 2: false} {
		ticket, err := tk.issue(nil, scan, true, key(4))
		if err != nil {
			t.Fatal(err)
		}
		if row, err := tk.find(ticket); err != nil || tk.void(row, "t") != void {
			t.Errorf("scan %d: %+v, %v", scan, row, err)
		}
	}
	full := tickets{limit: 1, disk: 10, directory: t.TempDir()}
	defer full.reset()
	if _, err := full.issue(nil, 1, false, key(50)); err == nil {
		t.Error("the bound of the file does not hold")
	}
}

// FuzzTicket reads a tid, and finds what it stands for.
func FuzzTicket(f *testing.F) {
	for _, tid := range []string{"(0,1)", "(4294967295,32768)", "(0,0)", "(1,2", "", "(0,11)"} {
		f.Add(tid)
	}
	tk := tickets{limit: 1 << 10, disk: 1 << 20}
	for i := range 20 {
		if _, err := tk.issue(nil, 1, false, [][]byte{bytes.Repeat([]byte("k"), i)}); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, tid string) {
		row, err := tk.find([]byte(tid))
		if err == nil && len(row.key) > 20 {
			t.Fatalf("%q stands for %d values", tid, len(row.key))
		}
	})
}

// FuzzCommand reads commands, and the names in what ANALYZE asks.
func FuzzCommand(f *testing.F) {
	for _, text := range []string{"FETCH 3 FROM c1", "ROLLBACK TO SAVEPOINT s2; RELEASE SAVEPOINT s2", "DECLARE c CURSOR FOR SELECT 1", "SET a TO b", `'a"b."c'`, "MOVE BACKWARD ALL IN c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(splitCommands(text)) == 0 && len(bytes.Trim([]byte(text), " \t\r\n;")) > 0 {
			t.Fatalf("%q is nothing", text)
		}
		name, rest := takeName(text)
		if len(name)+len(rest) > len(text) {
			t.Fatalf("%q is %q and %q", text, name, rest)
		}
		moment(text)
	})
}

// TestMarkers tells the values that stand for DEFAULT from others.
func TestMarkers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		oid          uint32
		text, marker string
		want         bool
	}{
		{23, "-2147031847", "-2147031847", true},
		{23, "-2147031846", "-2147031847", false},
		{1700, "-9223372036854031847.00", "-9223372036854031847", true},
		{1700, "-9223372036854031847.01", "-9223372036854031847", false},
		{1184, "294275-07-13 05:18:47+02", "294275-07-13 03:18:47+00", true},
		{1184, "294275-07-12 21:48:47-05:30", "294275-07-13 03:18:47+00", true},
		{1184, "294275-07-13 05:18:48+02", "294275-07-13 03:18:47+00", false},
		{1184, "2020-01-01 00:00:00+00", "294275-07-13 03:18:47+00", false},
	} {
		if got := isMarker(c.oid, c.text, c.marker); got != c.want {
			t.Errorf("%s of type %d: %v", c.text, c.oid, got)
		}
	}
}
