package sqlparse

import "testing"

// TestFigureColumnName compares with the names that PostgreSQL 15 gave each of these expressions.
func TestFigureColumnName(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"a":                 {`a`, `t.a`, `a::text`, `(a)::int::text`, `CASE WHEN b THEN 1 ELSE a END`, `(SELECT a)`},
		"f1":                {`(row(1,2)).f1`},
		"upper":             {`upper('x')`, `pg_catalog.upper('x')`, `upper('x')::varchar(3)`, `(SELECT upper('x') UNION SELECT 'b')`},
		"?column?":          {`1`, `'x'`, `NULL`, `TRUE`, `1+1`, `a = 1`, `NOT b`, `(SELECT 1)`, `(SELECT 1)::int`, `(SELECT NULL)::int`, `a IN (SELECT 1)`, `1 = ANY (SELECT 1)`, `'x' COLLATE "C"`, `'<a/>'::xml IS DOCUMENT`, `a IS NULL`, `-a`, `- 5`, `a BETWEEN 1 AND 2`, `B'01'`, `a IS DISTINCT FROM 1`, `x'ff'`, `(1, 2) = (1, 2)`},
		"text":              {`1::text`, `(CASE WHEN b THEN 1 END)::text`},
		"int4":              {`'1'::int`},
		"float8":            {`(1+1)::double precision`, `float8 '1'`},
		"numeric":           {`CAST(1 AS numeric(10,2))`},
		"case":              {`CASE WHEN b THEN 1 END`, `CASE WHEN b THEN 1 ELSE 2::int END`},
		"coalesce":          {`COALESCE(a, 1)`},
		"nullif":            {`NULLIF(a, 1)`},
		"greatest":          {`GREATEST(1,2)`},
		"least":             {`LEAST(1,2)`},
		"array":             {`ARRAY[1,2]`, `ARRAY[1,2]::int[]`, `ARRAY(SELECT 1)`, `(ARRAY[1])[1]`},
		"row":               {`ROW(1,2)`, `(1, 2)`},
		"exists":            {`EXISTS (SELECT 1)`},
		"z":                 {`(SELECT 1 AS z)`},
		"column1":           {`(VALUES (1))`},
		"current_date":      {`current_date`},
		"current_time":      {`current_time`, `current_time(3)`},
		"current_timestamp": {`current_timestamp`, `current_timestamp(2)`},
		"localtime":         {`localtime`},
		"localtimestamp":    {`localtimestamp(1)`},
		"current_role":      {`current_role`},
		"current_user":      {`current_user`},
		"user":              {`user`},
		"session_user":      {`session_user`},
		"current_catalog":   {`current_catalog`},
		"current_schema":    {`current_schema`, `current_schema()`},
		"extract":           {`extract(year from now())`},
		"overlay":           {`overlay('a' placing 'b' from 1)`},
		"position":          {`position('a' in 'b')`},
		"substring":         {`substring('a' from 1)`},
		"btrim":             {`trim('a')`},
		"ltrim":             {`ltrim('a')`},
		"timezone":          {`now() AT TIME ZONE 'UTC'`},
		"arr":               {`arr[1]`, `(arr)[1]`, `arr[1:2]`},
		"xmlconcat":         {`xmlconcat('<a/>')`},
		"xmlelement":        {`xmlelement(name foo)`},
		"xmlforest":         {`xmlforest(a)`},
		"xmlparse":          {`xmlparse(content '<a/>')`},
		"xmlpi":             {`xmlpi(name foo)`},
		"xmlroot":           {`xmlroot('<a/>', version '1.0')`},
		"xmlserialize":      {`xmlserialize(content '<a/>' as text)`},
		"count":             {`count(*)`, `count(*) FILTER (WHERE true)`},
		"sum":               {`sum(a) OVER ()`},
		"date":              {`date '2020-01-01'`},
		"interval":          {`interval '1' day`},
		"A b":               {`"A b"`},
		"normalize":         {`normalize('a')`},
		"":                  {`(SELECT * FROM t)`, `(SELECT t.* FROM t)`}, // only the catalog knows
		"grouping":          {`grouping(a)`},
		"json_object":       {`json_object('a': 1)`},
		"json_array":        {`json_array(1, 2)`, `json_array(SELECT 1)`},
		"json_objectagg":    {`json_objectagg('a': 1)`},
		"json_arrayagg":     {`json_arrayagg(1)`},
	}
	for want, exprs := range tests {
		for _, expr := range exprs {
			st := parseOne(t, "SELECT "+expr)
			if got := FigureColumnName(st.Node.GetSelectStmt().TargetList[0].GetResTarget().Val); got != want {
				t.Errorf("%s is called %q, want %q", expr, got, want)
			}
		}
	}
}
