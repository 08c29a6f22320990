// Package prooftest proves an engine's table (dialect.Entries): every entry is run over edge values, NULL among them, on the
// engine and on a real PostgreSQL, between columns, with constants and with parameters, and the texts of the answers must be
// equal. An entry that is refused where PostgreSQL answers, answers where PostgreSQL refuses, or that no statement reaches,
// fails.
//
// The engine's own test calls Run with its open Engine and its table:
//
//	prooftest.Run(t, prooftest.Subject{Engine: engine, Entries: entries(), Schema: "main"})
//
// The tables are made by the engine's Define, with columns of PostgreSQL's types; an engine that has no Define, or needs other
// column types for a fair test, gives Create. Only values that the engine takes are used, and PostgreSQL gets what the engine
// gives back for them. Columns that the engine's Catalog does not show as Exact, and texts that are not Bytewise, leave the
// entries over them unreached, which is a failure too: make such columns otherwise, or remove the entries.
package prooftest
