package prooftest

import (
	"context"
	"fmt"
	"sort"
	"strings"
)

// aggregate tries an aggregate over all rows, none, and each of the groups by remainders of the id.
func (p *proof) aggregate(ctx context.Context, c construct) error {
	expr := c.write(operands(len(c.types)))
	wheres := []string{"", " WHERE ((id < 0))"}
	for i, v := range p.ids() {
		if i < 40 {
			wheres = append(wheres, fmt.Sprintf(" WHERE ((id = %s))", v))
		}
	}
	for _, upTo := range []string{"3", "5", "9", "20"} {
		wheres = append(wheres, fmt.Sprintf(" WHERE ((id <= %s))", upTo))
	}
	for _, where := range wheres {
		if err := p.compare(ctx, "SELECT 1, "+expr+" FROM "+p.from+where, nil); err != nil {
			return err
		}
	}
	return p.rows(ctx, "SELECT half, "+expr+" FROM "+p.from+" GROUP BY 1", false)
}

// ids are those of the table's rows.
func (p *proof) ids() []string {
	rows, err := p.ask(context.Background(), "SELECT id FROM "+p.from+" ORDER BY 1")
	if err != nil {
		return nil
	}
	var all []string
	for _, r := range rows {
		all = append(all, string(r[0]))
	}
	return all
}

// group tries GROUP BY.
func (p *proof) group(ctx context.Context) error {
	return p.rows(ctx, "SELECT a, count(*) FROM "+p.from+" GROUP BY 1", false)
}

// order tries ORDER BY both ways, with NULLs at both ends.
func (p *proof) order(ctx context.Context) error {
	for _, direction := range []string{"ASC NULLS LAST", "ASC NULLS FIRST", "DESC NULLS LAST", "DESC NULLS FIRST"} {
		if err := p.rows(ctx, "SELECT a, id FROM "+p.from+" ORDER BY a "+direction+", id ASC NULLS LAST", true); err != nil {
			return err
		}
	}
	return nil
}

// rows compares whole results, in their order or as sets.
func (p *proof) rows(ctx context.Context, text string, inOrder bool) error {
	program, err := p.compile(text)
	if program == nil {
		return err
	}
	mine, err := p.run(ctx, program, nil)
	theirs, theirErr := p.ask(ctx, text)
	if err != nil || theirErr != nil {
		if (err == nil) != (theirErr == nil) && !isUnproven(err) {
			return fmt.Errorf("%s: the engine says %v, PostgreSQL %v", text, err, theirErr)
		}
		return nil
	}
	p.values += len(theirs)
	got, want := strings.Split(show(mine), "\n"), strings.Split(show(theirs), "\n")
	if !inOrder {
		sort.Strings(got)
		sort.Strings(want)
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Errorf("%s: row %d of the engine is %s, of PostgreSQL %s", text, i, at(got, i), want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%s: the engine gives %d rows, PostgreSQL %d", text, len(got), len(want))
	}
	return nil
}

func at(rows []string, i int) string {
	if i < len(rows) {
		return rows[i]
	}
	return "missing"
}
