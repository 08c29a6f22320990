package mysql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestValues writes values through the engine and reads them again; and reads what MariaDB itself was told.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		native, shown string
		// values are PostgreSQL's texts, both ways. told are pairs of MariaDB's literal and what is shown of it.
		values []string
		told   []string
	}{
		{"tinyint(1)", "boolean", []string{"t", "f", "∅"}, []string{"1", "t"}},
		{"tinyint", "smallint", []string{"-128", "127"}, nil},
		{"tinyint unsigned", "smallint", []string{"0", "255"}, nil},
		{"smallint unsigned", "integer", []string{"0", "65535"}, nil},
		{"mediumint unsigned", "integer", []string{"0", "16777215"}, nil},
		{"int", "integer", []string{"-2147483648", "2147483647", "0"}, nil},
		{"int unsigned", "bigint", []string{"0", "4294967295"}, nil},
		{"bigint", "bigint", []string{"-9223372036854775808", "9223372036854775807"}, nil},
		{"bigint unsigned", "numeric(20,0)", []string{"0", "18446744073709551615", "9223372036854775808"}, nil},
		{"decimal(65,30)", "numeric(65,30)", []string{"-99999999999999999999999999999999999.999999999999999999999999999999", "0.000000000000000000000000000001"}, []string{"1.5", "1.500000000000000000000000000000"}},
		{"decimal(5,0)", "numeric(5,0)", []string{"-99999", "7"}, nil},
		{"float", "real", []string{"0.1", "3.4028235e+38", "1e-45", "1.6777216e+07", "1.1754944e-38", "123456.79"}, []string{"1.1", "1.1"}},
		{"double", "double precision", []string{"0.1", "1.7976931348623157e+308", "5e-324", "0.30000000000000004", "1e+15", "123456789012345", "-2.5"}, []string{"1/3e0", "0.3333333333333333"}},
		{"bit(1)", "bit(1)", []string{"1", "0"}, nil},
		{"bit(10)", "bit(10)", []string{"1000000001", "0000000000", "1111111111"}, []string{"b'101'", "0000000101"}},
		{"bit(64)", "bit(64)", []string{strings.Repeat("1", 64), "1" + strings.Repeat("0", 63)}, nil},
		{"char(4)", "character(4)", []string{"ab  ", "    ", "äöüß", "∅"}, []string{"'x'", "x   "}},
		{"varchar(10)", "character varying(10)", []string{"", " a ", "Ä😀", "it's", `back\slash`, "line\nbreak"}, nil},
		{"varchar(10) character set latin1", "character varying(10)", []string{"äöü", "a"}, nil},
		{"text", "text", []string{"", strings.Repeat("x", 65535)}, nil},
		{"longtext", "text", []string{strings.Repeat("é", 100000)}, nil},
		{"binary(3)", "bytea", []string{`\x000000`, `\xff00ab`}, []string{"'a'", `\x610000`}},
		{"varbinary(5)", "bytea", []string{`\x`, `\x00ff`, "∅"}, nil},
		{"blob", "bytea", []string{`\xdeadbeef`, `\x00`}, nil},
		{"enum('a','B','it''s','')", "text", []string{"a", "B", "it's", ""}, nil},
		{"set('x','y','z')", "text", []string{"", "x", "x,z"}, nil},
		{"date", "date", []string{"2024-02-29", "9999-12-31", "0001-01-01", "0001-12-31 BC"}, nil},
		{"datetime", "timestamp(0) without time zone", []string{"2024-01-02 03:04:05", "9999-12-31 23:59:59", "0001-01-01 00:00:00 BC"}, nil},
		{"datetime(3)", "timestamp(3) without time zone", []string{"2024-01-02 03:04:05.678", "2024-01-02 03:04:05.6", "2024-01-02 03:04:05"}, nil},
		{"datetime(6)", "timestamp(6) without time zone", []string{"2024-01-02 03:04:05.000001", "0001-01-01 00:00:00.5 BC"}, nil},
		{"timestamp(6) null", "timestamp(6) with time zone", []string{"1970-01-01 00:00:01+00", "2038-01-19 03:14:07.999999+00", "∅"}, nil},
		{"time(6)", "time(6) without time zone", []string{"00:00:00", "23:59:59.999999", "24:00:00", "01:02:03.5"}, nil},
		{"year", "smallint", []string{"1901", "2155", "0"}, nil},
		{"json", "jsonb", []string{`{"a": [1, 2.50, null], "bb": "é\n"}`, `[]`, `"x"`, `null`}, []string{`'{"b":1,"a":{"x" : 1e2}}'`, `{"a": {"x": 100}, "b": 1}`}},
		{"uuid", "uuid", []string{"123e4567-e89b-12d3-a456-426655440000", "00000000-0000-0000-0000-000000000000"}, nil},
		{"inet4", "inet", []string{"10.1.2.3"}, nil},
		{"inet6", "inet", []string{"2001:db8::1", "::"}, nil},
	} {
		t.Run(test.native, func(t *testing.T) {
			t.Parallel()
			db, uri := database(t, "CREATE TABLE v (id int PRIMARY KEY, v "+test.native+") CHARACTER SET utf8mb4")
			e, c := open(t, uri)
			v := table(t, e, "v")
			if got := v.Columns[1].TypeName; got != test.shown {
				t.Errorf("shown as %s instead of %s", got, test.shown)
			}
			var want [][]string
			for i, value := range test.values {
				want = append(want, []string{fmt.Sprint(i), value})
			}
			if n, err := c.Exec(t.Context(), compile(t, e, insert(v, want...)), nil); err != nil || n != int64(len(want)) {
				t.Fatal(n, err)
			}
			for i := 0; i < len(test.told); i += 2 {
				id := fmt.Sprint(len(want))
				if _, err := db.Exec("INSERT INTO v VALUES (" + id + ", " + test.told[i] + ")"); err != nil {
					t.Fatal(err)
				}
				want = append(want, []string{id, test.told[i+1]})
			}
			got := texts(t, c, compile(t, e, &dialect.Select{Columns: all(v), From: &dialect.Relation{Table: v}}))
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("read   %.300q\nwanted %.300q", got, want)
			}
		})
	}
}

// TestRefused writes and reads what cannot be kept.
func TestRefused(t *testing.T) {
	t.Parallel()
	db, uri := database(t, `CREATE TABLE r (id int auto_increment PRIMARY KEY, n int not null default 1, v varchar(3) unique, e enum('a','b'), b binary(2), d date, f double, dec2 decimal(4,2), bt tinyint(1), tm time, ck int check (ck > 0), fk int, constraint to_self foreign key (fk) references r(id), j json)`)
	e, c := open(t, uri)
	r := table(t, e, "r")
	write := func(column, value string) error {
		s := &dialect.Insert{Into: &dialect.Relation{Table: r}, Columns: []*dialect.Column{r.Column(column)}, Rows: [][]dialect.Expr{{constant(r.Column(column), value)}}}
		p, err := e.Compile(s)
		if err == nil {
			_, err = c.Exec(t.Context(), p, nil)
		}
		return err
	}
	if err := write("v", "dup"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ column, value, code, constraint string }{
		{"n", "∅", "23502", ""}, {"id", "∅", "23502", ""}, {"v", "dup", "23505", "v"}, {"v", "long", "22001", ""}, {"e", "A", "22P02", ""}, {"e", "1", "22P02", ""},
		{"b", `\x00`, "22026", ""}, {"d", "infinity", "22008", ""}, {"d", "10000-01-01", "22008", ""}, {"d", "0044-03-15 BC", "22008", ""},
		{"f", "NaN", "22003", ""}, {"f", "Infinity", "22003", ""}, {"dec2", "100", "22003", ""}, {"dec2", "NaN", "22003", ""}, {"ck", "0", "23514", "ck"}, {"fk", "99", "23503", "to_self"},
	} {
		var failure *backend.Error
		if err := write(test.column, test.value); !errors.As(err, &failure) || failure.Code != test.code || failure.Constraint != test.constraint {
			t.Errorf("%s = %s: %+v", test.column, test.value, failure)
		}
	}
	for _, test := range []struct{ column, literal, code string }{
		{"bt", "2", "22003"}, {"d", "'0000-00-00'", "22008"}, {"d", "'2024-02-00'", "22008"}, {"tm", "'25:00:00'", "22008"}, {"tm", "'-00:00:01'", "22008"},
	} {
		if _, err := db.Exec("DELETE FROM r"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO r (" + test.column + ") VALUES (" + test.literal + ")"); err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), compile(t, e, &dialect.Select{Columns: all(r), From: &dialect.Relation{Table: r}}), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rows.Next(t.Context())
		var failure *backend.Error
		if !errors.As(err, &failure) || failure.Code != test.code || failure.Column != test.column {
			t.Errorf("reading %s: %v", test.literal, err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	// With the options of the URI the same values are shown.
	if _, err := db.Exec("UPDATE r SET bt = 2, d = '0000-00-00', tm = '-838:59:59', id = 7"); err != nil {
		t.Fatal(err)
	}
	e, c = open(t, uri+"?zero_dates=null&tinyint1=smallint&time=interval")
	r = table(t, e, "r")
	got := texts(t, c, compile(t, e, &dialect.Select{Columns: all(r), From: &dialect.Relation{Table: r}}))
	if fmt.Sprint(got) != "[[7 1 ∅ ∅ ∅ ∅ ∅ ∅ 2 -838:59:59 ∅ ∅ ∅]]" {
		t.Errorf("read %q", got)
	}
}
