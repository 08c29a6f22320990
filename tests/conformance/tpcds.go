package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// tpcdsFacts are the keys of the tables of TPC-DS whose key has several columns (section 2.3 of the specification).
var tpcdsFacts = map[string][]string{"store_sales": {"ss_item_sk", "ss_ticket_number"}, "store_returns": {"sr_item_sk", "sr_ticket_number"}, "catalog_sales": {"cs_item_sk", "cs_order_number"},
	"catalog_returns": {"cr_item_sk", "cr_order_number"}, "web_sales": {"ws_item_sk", "ws_order_number"}, "web_returns": {"wr_item_sk", "wr_order_number"},
	"inventory": {"inv_date_sk", "inv_item_sk", "inv_warehouse_sk"}}

// tpcdsTable and tpcdsColumn match the schema of TPC-DS as its generator writes it.
var (
	tpcdsTable  = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)\((.*)\);$`)
	tpcdsColumn = regexp.MustCompile(`(?:^|, )(\w+) (BIGINT|INTEGER|VARCHAR|DATE|DECIMAL\(\d+,\d+\))`)
)

// tpcdsTables reads the tables of TPC-DS.
func tpcdsTables(dir string) ([]table, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
	if err != nil {
		return nil, err
	}
	kinds := map[string]kind{"BIGINT": int8Kind, "INTEGER": int4Kind, "VARCHAR": "character varying(200)", "DATE": dateKind}
	var list []table
	for _, m := range tpcdsTable.FindAllStringSubmatch(string(raw), -1) {
		t := table{name: m[1], key: tpcdsFacts[m[1]]}
		for _, c := range tpcdsColumn.FindAllStringSubmatch(m[2], -1) {
			k, ok := kinds[c[2]]
			if !ok {
				k = kind(strings.Replace(c[2], "DECIMAL", "numeric", 1))
			}
			t.columns = append(t.columns, column{name: c[1], kind: k})
		}
		if len(t.columns) != strings.Count(regexp.MustCompile(`\(\d+,\d+\)`).ReplaceAllString(m[2], ""), ",")+1 {
			return nil, fmt.Errorf("not all columns of %s are read", t.name)
		}
		if t.key == nil {
			t.key = []string{t.columns[0].name}
		}
		for i, c := range t.columns {
			for _, k := range t.key {
				t.columns[i].notNull = t.columns[i].notNull || c.name == k
			}
		}
		if err := t.read(filepath.Join(dir, t.name+".csv")); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no schema", dir)
	}
	return list, nil
}
