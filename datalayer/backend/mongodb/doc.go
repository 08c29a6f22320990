// Package mongodb is the databackend MongoDB. A database is the schema public, a collection is a table, a field at the top
// of the documents is a column. Selects are compiled into aggregation pipelines.
//
// What a column is comes, the first that there is, from a schema that the user declares (Options.Schema), from the
// collection's validator ($jsonSchema), or from a sample of its documents. A document that does not fit its column is an
// error that names collection and field; it is never left out, and the column _document (jsonb, relaxed extended JSON of
// the whole document) shows it in any case. A field that is null and one that is missing are both NULL; _document tells
// them apart. A table that CREATE TABLE has made has just the columns that were declared: its validator holds them, and
// allows no other fields.
//
// Conditions. MongoDB orders and compares values of all types in one sequence, has two-valued logic, and lets conditions
// of its query language look into arrays. So each condition is compiled as two expressions of the aggregation language,
// which does not look into arrays: one that is true where PostgreSQL's condition is, and one that is true where it is
// false; NULL is neither. Terms that an index may serve stand before it once more in the query language, made wide enough
// to let everything pass that the expression lets pass. Where a field's type is only known from a sample, documents that
// do not fit are let through to a guard that makes the server raise an error.
package mongodb
