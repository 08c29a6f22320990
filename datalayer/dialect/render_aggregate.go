package dialect

import "strings"

// aggregate writes an aggregate function; FILTER becomes a CASE where the engine has none.
func (r *Renderer) aggregate(x *Aggregate) (string, error) {
	signature := Signature(x)
	entry, ok := r.sql.Entries[signature]
	switch {
	case !ok:
		return "", &Unproven{What: signature}
	case len(x.OrderBy) > 0 || x.WithinGroup || x.Variadic:
		return "", &Unproven{What: signature + " in an order"}
	}
	if x.Distinct {
		for _, a := range x.Args {
			if err := r.groups(a); err != nil {
				return "", err
			}
		}
	}
	if err := r.bounded(x, signature); err != nil {
		return "", err
	}
	filter := ""
	if x.Filter != nil {
		var err error
		if filter, err = r.Expr(x.Filter); err != nil {
			return "", err
		}
	}
	texts, err := r.aggregated(x)
	if err != nil {
		return "", err
	}
	if filter == "" {
		return fill(entry.Template, texts, ""), nil
	}
	// FILTER stands right behind the aggregate: CAST(sum(…) AS BIGINT) has no place for it.
	if !r.sql.NoFilter && strings.Count(entry.Template, "(") == 1 {
		return fill(entry.Template, texts, "") + " FILTER (WHERE " + filter + ")", nil
	}
	if x.Star {
		return "count(CASE WHEN " + filter + " THEN 1 END)", nil
	}
	if len(texts) != 1 {
		return "", &Unproven{What: "FILTER of " + signature}
	}
	texts[0] = "CASE WHEN " + filter + " THEN " + texts[0] + " END"
	return fill(entry.Template, texts, ""), nil
}

// aggregated writes the arguments; count needs only to know what is NULL.
func (r *Renderer) aggregated(x *Aggregate) ([]string, error) {
	var texts []string
	for _, a := range x.Args {
		var text string
		var err error
		if ref, ok := a.(*ColumnRef); ok && x.Name == "count" && !x.Distinct {
			text, err = r.column(ref, false)
		} else {
			text, err = r.Expr(a)
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}
