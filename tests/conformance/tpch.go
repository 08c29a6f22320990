package conformance

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// tpchColumns are the tables of TPC-H (section 1.4 of the specification): their columns, with the key's first.
var tpchColumns = []struct {
	name    string
	keys    int
	columns []string
}{
	{"region", 1, []string{"r_regionkey integer!", "r_name character varying(25)!", "r_comment character varying(152)!"}},
	{"nation", 1, []string{"n_nationkey integer!", "n_name character varying(25)!", "n_regionkey integer!", "n_comment character varying(152)!"}},
	{"supplier", 1, []string{"s_suppkey bigint!", "s_name character varying(25)!", "s_address character varying(40)!", "s_nationkey integer!", "s_phone character varying(15)!",
		"s_acctbal numeric(15,2)!", "s_comment character varying(101)!"}},
	{"part", 1, []string{"p_partkey bigint!", "p_name character varying(55)!", "p_mfgr character varying(25)!", "p_brand character varying(10)!", "p_type character varying(25)!",
		"p_size integer!", "p_container character varying(10)!", "p_retailprice numeric(15,2)!", "p_comment character varying(23)!"}},
	{"partsupp", 2, []string{"ps_partkey bigint!", "ps_suppkey bigint!", "ps_availqty bigint!", "ps_supplycost numeric(15,2)!", "ps_comment character varying(199)!"}},
	{"customer", 1, []string{"c_custkey bigint!", "c_name character varying(25)!", "c_address character varying(40)!", "c_nationkey integer!", "c_phone character varying(15)!",
		"c_acctbal numeric(15,2)!", "c_mktsegment character varying(10)!", "c_comment character varying(117)!"}},
	{"orders", 1, []string{"o_orderkey bigint!", "o_custkey bigint!", "o_orderstatus character varying(1)!", "o_totalprice numeric(15,2)!", "o_orderdate date!",
		"o_orderpriority character varying(15)!", "o_clerk character varying(15)!", "o_shippriority integer!", "o_comment character varying(79)!"}},
	{"lineitem", 4, []string{"l_orderkey bigint!", "l_partkey bigint!", "l_suppkey bigint!", "l_linenumber bigint!", "l_quantity numeric(15,2)!", "l_extendedprice numeric(15,2)!",
		"l_discount numeric(15,2)!", "l_tax numeric(15,2)!", "l_returnflag character varying(1)!", "l_linestatus character varying(1)!", "l_shipdate date!", "l_commitdate date!",
		"l_receiptdate date!", "l_shipinstruct character varying(25)!", "l_shipmode character varying(10)!", "l_comment character varying(44)!"}},
}

// tpcFiles are the directory with the data of a suite, tpch or tpcds, at a scale, made if they are not there. An error that wraps
// lab.ErrNotInstalled says that the generator cannot be had.
func tpcFiles(ctx context.Context, root, suite, scale string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(root, "scripts", "tpc_data.sh"), suite, scale).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return "", fmt.Errorf("the data of TPC: their generator %w: %w", lab.ErrNotInstalled, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// tpchIndexes are the columns that refer to other tables and begin no key.
var tpchIndexes = map[string][]string{"nation": {"n_regionkey"}, "supplier": {"s_nationkey"}, "customer": {"c_nationkey"}, "partsupp": {"ps_suppkey"}, "orders": {"o_custkey"},
	"lineitem": {"l_partkey", "l_suppkey"}}

// read fills a table from a file of CSV, whose empty fields are NULL.
func (t *table) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if t.file, err = filepath.Abs(file); err != nil {
		return err
	}
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	for _, r := range records {
		row := make([]any, len(r))
		for i, v := range r {
			row[i] = unless(v == "", v)
		}
		t.rows = append(t.rows, row)
	}
	return nil
}

// tpchTables reads the tables of TPC-H.
func tpchTables(dir string) ([]table, error) {
	var list []table
	for _, of := range tpchColumns {
		t := table{name: of.name, columns: parse(of.columns...)}
		for _, c := range t.columns[:of.keys] {
			t.key = append(t.key, c.name)
		}
		if of.name == "lineitem" {
			t.key = []string{"l_orderkey", "l_linenumber"}
		}
		if err := t.read(filepath.Join(dir, of.name+".csv")); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// textsOf are the statements in files of a pattern, by the files' names.
func textsOf(pattern string) (map[string]string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no texts of TPC: %w", err)
	}
	texts := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		texts[strings.TrimSuffix(filepath.Base(file), ".sql")] = strings.TrimSuffix(strings.TrimSpace(string(raw)), ";")
	}
	return texts, nil
}

// tpch runs the queries of TPC-H and compares.
func (w *world) tpch(t *testing.T) {
	if w.shown("lineitem", "l_orderkey") == "" {
		t.Skip("without the tables of TPC-H")
	}
	texts, err := textsOf("testdata/tpch/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for number, sql := range texts {
		t.Run(number, func(t *testing.T) {
			if limit := w.engine.limits["tpch:"+number]; limit != "" {
				t.Skip(limit)
			}
			d, err := p.compare(newStep(sql), peer.ExtendedText, nil, peer.Comparison{Moved: true, Ordered: true})
			if err != nil {
				t.Fatal(err)
			}
			if d != "" {
				t.Error(d)
				if err := p.reset(t.Context(), false); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
