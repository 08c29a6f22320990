package conformance

import "maps"

// limitsOf are an engine's limits with those that every databackend has that is shown in the local PostgreSQL.
func limitsOf(own map[string]string) map[string]string {
	const (
		merge    = "MERGE into a table of a databackend is not supported (0A000)"
		shown    = "the databackend's tables are shown by foreign tables, a trigger, an event trigger and schemas of the proxy's"
		sizes    = "the tables in the local PostgreSQL are empty, and so are their sizes"
		upserted = "an upsert with predict, or inside of WITH, is not supported (0A000)"
	)
	all := map[string]string{
		"upserts:merge-update-insert":           merge,
		"upserts:merge-delete":                  merge,
		"upserts:merge-conditions":              merge,
		"upserts:merge-nothing":                 merge,
		"upserts:merge-twice":                   merge,
		"upserts:merge-insert-taken":            merge,
		"predictions_written:merge":             merge,
		"predictions_written:upsert":            upserted,
		"upserts:in-with":                       upserted,
		"scans:tablesample-of-a-table":          "TABLESAMPLE of a table of a databackend is not supported (0A000)",
		"transactions:cursor-where-current-of":  "WHERE CURRENT OF is not supported by postgres_fdw (0A000)",
		"clients/psql:tables-with-sizes":        sizes,
		"clients/psql:more-tables-with-sizes":   sizes,
		"clients/psql:indexes-with-sizes":       sizes,
		"clients/psql:tables-of-the-system-too": shown,
		"clients/psql:triggers-of-a-table":      shown,
		"clients/psql:triggers-of-a-table-too":  shown,
		"clients/psql:children-of-a-table":      shown,
		"clients/psql:children-of-a-table-too":  shown,
		"clients/psql:children-of-a-view":       shown,
		"clients/psql:children-of-a-sequence":   shown,
		"clients/psql:schemas":                  shown,
		"clients/psql:schemas-with-rights":      shown,
		"clients/psql:extensions":               shown,
		"clients/psql:contents-of-extensions":   shown,
		"clients/psql:event-triggers":           shown,
		"clients/psql:foreign-servers":          shown,
		"clients/psql:foreign-data-wrappers":    shown,
		"clients/psql:user-mappings":            shown,
	}
	maps.Copy(all, own)
	return all
}
