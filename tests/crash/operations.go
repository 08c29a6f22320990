package crash

import "fmt"

// rows is how many rows the table has that listeners follow.
const rows = 200

// model is a statement that makes a model of one text.
func model(head, returns, body string) string {
	return fmt.Sprintf("CREATE %s(w text) RETURNS %s USING starlark AS $$\ndef predict(w):\n    return %s\n$$", head, returns, body)
}

// vectorOf is the body of a model that makes a vector of a text.
const vectorOf = "[float(len(w)), float(w.count('a')) + 0.5, float(w.count('e'))]"

// base makes a table and one component of each kind.
func base() []string {
	return []string{
		"CREATE TABLE word (id int PRIMARY KEY, word text NOT NULL, long boolean NOT NULL)",
		fmt.Sprintf("INSERT INTO word SELECT i, repeat('ae', i %% 7) || 'x' || i, i %% 7 > 3 FROM generate_series(1, %d) AS i", rows),
		model("MODEL loud", "text", "w.upper()"),
		model("MODEL twice", "text", "w + w"),
		model("MODEL letters", "float8[]", vectorOf),
		model("MODEL is_long", "boolean", "len(w) > 9"),
		"CREATE MODEL chain AS SEQUENCE (loud, twice)",
		"CREATE LISTENER word_loud ON word PREDICT loud (word) WITH (capture = 'triggers')",
		"CREATE LISTENER word_letters ON word PREDICT letters (word) WITH (capture = 'triggers')",
		"CREATE VECTOR INDEX near ON LISTENER word_letters",
		"CREATE DATASET few AS SELECT word AS w, long FROM word WHERE id % 2 = 0 ORDER BY id WITH (pin = true)",
		"CREATE METRIC fair USING f1 WITH (average = 'macro')",
		"CREATE SECRET word_key FROM ENV 'CRASH_KEY'",
		"CREATE VIEW shouted AS SELECT id, predict('twice', word) AS said FROM word",
	}
}

// operation is a statement about a component that a proxy is killed in.
type operation struct {
	name, sql string
	// before are statements that are run first, in peace.
	before []string
}

// operations are those of every kind of component, with the jobs that follow from them.
func operations() []operation {
	const (
		twiceAgain = "CREATE OR REPLACE MODEL chain AS SEQUENCE (twice, loud)"
		bySlot     = "CREATE LISTENER word_twice ON word PREDICT twice (word) WITH (capture = 'slot')"
	)
	return []operation{
		{name: "add a model", sql: model("MODEL soft", "text", "w.lower()")},
		{name: "replace a model that a listener and a sequence use", sql: model("OR REPLACE MODEL loud", "text", "w.upper() + '!'")},
		{name: "remove a model", sql: "DROP MODEL is_long"},
		{name: "remove a model and what uses it", sql: "DROP MODEL letters CASCADE"},
		{name: "remove a model, its sequence and its listener", sql: "DROP MODEL loud CASCADE"},
		{name: "add a sequence", sql: "CREATE MODEL thrice AS SEQUENCE (twice, twice, loud)"},
		{name: "replace a sequence", sql: twiceAgain},
		{name: "remove a sequence", sql: "DROP MODEL chain"},
		{name: "add a listener", sql: "CREATE LISTENER word_twice ON word PREDICT twice (word) WITH (capture = 'triggers')"},
		{name: "replace a listener", sql: "CREATE OR REPLACE LISTENER word_loud ON word PREDICT loud (word || '?') WITH (capture = 'triggers')"},
		{name: "remove a listener", sql: "DROP LISTENER word_loud"},
		{name: "add a listener by home's log", sql: bySlot},
		{name: "remove a listener by home's log", sql: "DROP LISTENER word_twice", before: []string{bySlot}},
		{name: "have a listener follow by triggers", sql: "ALTER LISTENER word_twice SET (capture = 'triggers')", before: []string{bySlot}},
		{name: "remove a listener, keep its outputs", sql: "DROP LISTENER word_loud KEEP OUTPUTS"},
		{name: "remove a listener and its index", sql: "DROP LISTENER word_letters CASCADE"},
		{name: "add a vector index", sql: "CREATE VECTOR INDEX nearer ON LISTENER word_letters WITH (measure = 'l2')"},
		{name: "replace a vector index", sql: "CREATE OR REPLACE VECTOR INDEX near ON LISTENER word_letters WITH (measure = 'l2')"},
		{name: "remove a vector index", sql: "DROP VECTOR INDEX near"},
		{name: "add a dataset", sql: "CREATE DATASET other AS SELECT word AS w, long FROM word WHERE id % 3 = 0 ORDER BY id WITH (pin = true)"},
		{name: "replace a dataset", sql: "CREATE OR REPLACE DATASET few AS SELECT word AS w, long FROM word WHERE id % 5 = 0 ORDER BY id WITH (pin = true)"},
		{name: "remove a dataset", sql: "DROP DATASET few"},
		{name: "remove a version of a dataset", sql: "DROP DATASET few@1",
			before: []string{"CREATE OR REPLACE DATASET few AS SELECT word AS w, long FROM word ORDER BY id WITH (pin = true)"}},
		{name: "add a metric", sql: "CREATE METRIC even USING f1 WITH (average = 'weighted')"},
		{name: "replace a metric", sql: "CREATE OR REPLACE METRIC fair USING precision WITH (average = 'macro')"},
		{name: "remove a metric", sql: "DROP METRIC fair"},
		{name: "add a secret", sql: "CREATE SECRET other_key FROM ENV 'CRASH_OTHER'"},
		{name: "replace a secret", sql: "CREATE OR REPLACE SECRET word_key FROM ENV 'CRASH_OTHER'"},
		{name: "remove a secret", sql: "DROP SECRET word_key"},
		{name: "add a view", sql: "CREATE VIEW softened AS SELECT id, predict('loud', word) AS said FROM word"},
		{name: "replace a view", sql: "CREATE OR REPLACE VIEW shouted AS SELECT id, predict('loud', word) AS said FROM word"},
		{name: "remove a view", sql: "DROP VIEW shouted"},
		{name: "add a model with its validation", sql: model("MODEL is_short", "boolean", "len(w) < 9") +
			" VALIDATE ON (SELECT word AS w, NOT long AS short FROM word) TARGET short METRICS (accuracy)"},
	}
}

// checks are queries whose answers, or SQLSTATEs, tell what a component does.
func checks() []string {
	return []string{
		"SELECT kind, name, version, is_default, definition, uses, used_by, hash FROM pinnacle.components ORDER BY kind, name, version",
		"SELECT name, rows_failed FROM pinnacle.listeners ORDER BY name",
		"SELECT name, vectors, measure FROM pinnacle.vector_index_stats ORDER BY name",
		"SELECT digest, bytes FROM pinnacle.artifacts ORDER BY digest",
		"SELECT model, version, metric, value FROM pinnacle.metrics WHERE job IN (SELECT id FROM pinnacle.jobs WHERE kind = 'validate_model') ORDER BY 1, 2, 3",
		"SELECT predict('chain', 'a')", "SELECT predict('thrice', 'a')", "SELECT predict('loud', 'a')", "SELECT predict('soft', 'A')",
		"SELECT id, output, model_version FROM word_loud ORDER BY id",
		"SELECT id, output, model_version FROM word_twice ORDER BY id",
		"SELECT id, output, model_version FROM word_letters ORDER BY id",
		"SELECT round(score::numeric, 6) FROM nearest('near', ARRAY[4, 1.5, 1]::float8[], 1)",
		"SELECT round(score::numeric, 6) FROM nearest('nearer', ARRAY[4, 1.5, 1]::float8[], 1)",
		"VALIDATE MODEL is_long ON DATASET few TARGET long METRICS (accuracy, fair)",
		"VALIDATE MODEL is_long ON DATASET other TARGET long METRICS (accuracy, even)",
		"SELECT * FROM shouted ORDER BY id", "SELECT * FROM softened ORDER BY id",
	}
}
