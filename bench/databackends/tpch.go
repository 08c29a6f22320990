package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// table is one of TPC-H's (section 1.4 of the specification), in words that all engines take.
type table struct {
	name, columns, key string
	indexed            []string
}

// tables are in the order of their references.
func tables() []table {
	return []table{
		{"region", "r_regionkey INTEGER NOT NULL, r_name VARCHAR(25) NOT NULL, r_comment VARCHAR(152) NOT NULL", "r_regionkey", nil},
		{"nation", "n_nationkey INTEGER NOT NULL, n_name VARCHAR(25) NOT NULL, n_regionkey INTEGER NOT NULL, n_comment VARCHAR(152) NOT NULL", "n_nationkey", nil},
		{"supplier", "s_suppkey BIGINT NOT NULL, s_name VARCHAR(25) NOT NULL, s_address VARCHAR(40) NOT NULL, s_nationkey INTEGER NOT NULL, s_phone VARCHAR(15) NOT NULL, " +
			"s_acctbal DECIMAL(15,2) NOT NULL, s_comment VARCHAR(101) NOT NULL", "s_suppkey", []string{"s_nationkey"}},
		{"part", "p_partkey BIGINT NOT NULL, p_name VARCHAR(55) NOT NULL, p_mfgr VARCHAR(25) NOT NULL, p_brand VARCHAR(10) NOT NULL, p_type VARCHAR(25) NOT NULL, " +
			"p_size INTEGER NOT NULL, p_container VARCHAR(10) NOT NULL, p_retailprice DECIMAL(15,2) NOT NULL, p_comment VARCHAR(23) NOT NULL", "p_partkey", nil},
		{"partsupp", "ps_partkey BIGINT NOT NULL, ps_suppkey BIGINT NOT NULL, ps_availqty BIGINT NOT NULL, ps_supplycost DECIMAL(15,2) NOT NULL, ps_comment VARCHAR(199) NOT NULL",
			"ps_partkey, ps_suppkey", []string{"ps_suppkey"}},
		{"customer", "c_custkey BIGINT NOT NULL, c_name VARCHAR(25) NOT NULL, c_address VARCHAR(40) NOT NULL, c_nationkey INTEGER NOT NULL, c_phone VARCHAR(15) NOT NULL, " +
			"c_acctbal DECIMAL(15,2) NOT NULL, c_mktsegment VARCHAR(10) NOT NULL, c_comment VARCHAR(117) NOT NULL", "c_custkey", []string{"c_nationkey"}},
		{"orders", "o_orderkey BIGINT NOT NULL, o_custkey BIGINT NOT NULL, o_orderstatus VARCHAR(1) NOT NULL, o_totalprice DECIMAL(15,2) NOT NULL, o_orderdate DATE NOT NULL, " +
			"o_orderpriority VARCHAR(15) NOT NULL, o_clerk VARCHAR(15) NOT NULL, o_shippriority INTEGER NOT NULL, o_comment VARCHAR(79) NOT NULL", "o_orderkey", []string{"o_custkey"}},
		{"lineitem", "l_orderkey BIGINT NOT NULL, l_partkey BIGINT NOT NULL, l_suppkey BIGINT NOT NULL, l_linenumber BIGINT NOT NULL, l_quantity DECIMAL(15,2) NOT NULL, " +
			"l_extendedprice DECIMAL(15,2) NOT NULL, l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL, l_returnflag VARCHAR(1) NOT NULL, l_linestatus VARCHAR(1) NOT NULL, " +
			"l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL, l_shipinstruct VARCHAR(25) NOT NULL, l_shipmode VARCHAR(10) NOT NULL, " +
			"l_comment VARCHAR(44) NOT NULL", "l_orderkey, l_linenumber", []string{"l_partkey", "l_suppkey"}},
	}
}

// create are the statements that make the tables: with primary keys, or with options in which %s is the key.
func create(options string) []string {
	var list []string
	for _, t := range tables() {
		if options == "" {
			list = append(list, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))", t.name, t.columns, t.key))
		} else {
			list = append(list, fmt.Sprintf("CREATE TABLE %s (%s)"+options, t.name, t.columns, t.key))
		}
	}
	return list
}

// indexes are the statements for columns that refer to other tables.
func indexes() []string {
	var list []string
	for _, t := range tables() {
		for _, c := range t.indexed {
			list = append(list, fmt.Sprintf("CREATE INDEX %s_index ON %s (%s)", c, t.name, c))
		}
	}
	return list
}

// What the texts have that engines write in other ways.
var (
	shiftedDate = regexp.MustCompile(`date '(\d{4}-\d\d-\d\d)'(?: ([+-]) interval '(\d+) (day|month|year)')?`)
	yearOf      = regexp.MustCompile(`extract\(year FROM (\w+)\)`)
	partOf      = regexp.MustCompile(`substring\((\w+) FROM (\d+) FOR (\d+)\)`)
)

// plainText computes the dates of a text.
func plainText(sql string) string { return dated(sql, "date '") }

// sqliteText has dates as texts, and SQLite's functions.
func sqliteText(sql string) string {
	sql = dated(sql, "'")
	sql = yearOf.ReplaceAllString(sql, "CAST(strftime('%Y', $1) AS INTEGER)")
	return partOf.ReplaceAllString(sql, "substr($1, $2, $3)")
}

// dated computes dates from which an interval is taken, and writes them behind a word.
func dated(sql, word string) string {
	return shiftedDate.ReplaceAllStringFunc(sql, func(found string) string {
		m := shiftedDate.FindStringSubmatch(found)
		day, err := time.Parse(time.DateOnly, m[1])
		if err != nil {
			return found
		}
		n, _ := strconv.Atoi(m[3]) // "" without an interval
		if m[2] == "-" {
			n = -n
		}
		switch m[4] {
		case "day":
			day = day.AddDate(0, 0, n)
		case "month":
			day = day.AddDate(0, n, 0)
		case "year":
			day = day.AddDate(n, 0, 0)
		}
		return word + day.Format(time.DateOnly) + "'"
	})
}
