package pinnacle

import (
	"context"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/view"
)

// viewTable is pinnacle.views: the views of home that call models, in the database of the setting databackend.
func (p *Proxy) viewTable() datalayer.SystemTable {
	return datalayer.SystemTable{Name: "views", Columns: tableColumns("name text", "schema text", "kind text", "calls text[]", "owner text", "definition text"), Rows: p.viewRows}
}

// viewRows are its rows.
func (p *Proxy) viewRows(ctx context.Context) ([][]any, error) {
	all, err := view.All(ctx, ownQuestions{p.own})
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for _, v := range all {
		calls := []string{}
		for _, c := range v.Calls {
			calls = append(calls, c.String())
		}
		rows = append(rows, []any{v.Name, v.Schema, strings.TrimSuffix(v.Words(), " "+v.Qualified()), calls, v.Owner, v.Definition})
	}
	return rows, nil
}
