// Package ship runs statements in which calls stand anywhere: it makes the temporary functions of home that stand for
// calls, reads what they ask for, and gives them their answers. It knows no connection; a session runs its queries.
package ship

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The SQLSTATEs that the temporary functions raise. They are of a class that neither the SQL standard nor PostgreSQL uses.
const (
	// CodeAsked is that of the INFO by which a function asks for an answer.
	CodeAsked = "PN001"
	// CodeEnough is that of the error that ends a round early.
	CodeEnough = "PN002"
	// CodeLate is that of the error of a function that misses an answer when nobody takes note of it.
	CodeLate = "PN003"
)

// notingSetting is the setting of home that says whether a round runs, "" or the number of misses after which it ends:
// "all" for none.
const notingSetting = "pinnacle.noting"

// keptSetting is a setting of home's that has another value while functions may ask; in keeps what it is but for that, ""
// while they may not.
type keptSetting struct{ name, in, value string }

// keptSettings are these. What functions cost makes PostgreSQL compile plans, which takes longer than most of them run. And a
// scan that begins where another one is gives LIMIT other rows each time, so that rounds would never end.
var keptSettings = []keptSetting{{"jit", "pinnacle.jit", "off"}, {"synchronize_seqscans", "pinnacle.scans", "off"}}

// set is the expression that sets it and keeps what it was, unless that is done.
func (k keptSetting) set() string {
	return "CASE WHEN coalesce(pg_catalog.current_setting('" + k.in + "', true), '') OPERATOR(pg_catalog.=) '' THEN pg_catalog.set_config('" +
		k.in + "', pg_catalog.current_setting('" + k.name + "'), true) END, pg_catalog.set_config('" + k.name + "', '" + k.value + "', true)"
}

// restore is the expression that undoes set.
func (k keptSetting) restore() string {
	return "pg_catalog.set_config('" + k.name + "', coalesce(nullif(pg_catalog.current_setting('" + k.in + "', true), ''), pg_catalog.current_setting('" + k.name +
		"')), true), pg_catalog.set_config('" + k.in + "', '', true)"
}

// fewSetting is the setting of home that says after how many more distinct arguments a round ends, "" for none.
const fewSetting = "pinnacle.few"

// wideSetting is the setting of home that says that functions tell of each miss, without taking note of it; "" where they take
// note, so that they tell of the same arguments once.
const wideSetting = "pinnacle.wide"

// Wide is the statement, in a round, by which functions tell of each miss: to take note of arguments of which most come once
// costs home several times as much. Who takes what they tell is to know what it has already (Round.Apart).
const Wide = "SELECT pg_catalog.set_config('" + wideSetting + "', 'on', true)"

// longKey is the length in bytes past which arguments are known by their SHA-256. An entry of PostgreSQL's B-tree holds
// some 2,700 bytes at most.
const longKey = 64

// noter is the function that takes note of a miss: once for each call and arguments in a round.
const noter = "pinnacle_note"

// Missing is the query that gives the setting default_transaction_isolation, whether the transaction is read-only, whether the
// server is in recovery, and, beside them in at least one row, the names of those of the functions, and of what they need, that
// home's session lacks; NULL for none.
func Missing(functions []*planner.Function, draws []*planner.Draw) (stream.Query, error) {
	names := []string{noter}
	if counts(functions, draws) {
		names = append(names, turns)
	}
	for _, f := range functions {
		names = append(names, f.Name)
	}
	for _, d := range draws {
		names = append(names, d.Name)
	}
	list, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: names}, udf.Text.OID())
	return stream.Query{
		Text: "SELECT pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool, " +
			"pg_catalog.pg_is_in_recovery(), n FROM (VALUES (1)) AS one(o) " +
			"LEFT JOIN pg_catalog.unnest($1) AS n ON NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p " +
			"WHERE p.proname = n::pg_catalog.name AND p.pronamespace = pg_catalog.pg_my_temp_schema())",
		Types: []uint32{udf.Text.ArrayOID()}, Params: [][]byte{list}, Formats: []int16{0, 0, 0, 0},
	}, err
}

// Create gives the statements that make a function of the list that Missing gave, and the table of its answers.
func Create(name string, functions []*planner.Function, draws []*planner.Draw) []string {
	switch name {
	case noter:
		return createNoter()
	case turns:
		return createTurns()
	}
	for _, d := range draws {
		if d.Name == name {
			return createDraw(d)
		}
	}
	for _, f := range functions {
		if f.Name == name {
			return createFunction(f)
		}
	}
	return nil
}

// createNoter makes the function that takes note of misses. It is volatile, so that it may write into the table that it
// leaves out by what it has noted before, and is called by functions that are not.
func createNoter() []string {
	return []string{
		"CREATE TEMPORARY TABLE IF NOT EXISTS pinnacle_noted (call text, key bytea, PRIMARY KEY (call, key))",
		"GRANT SELECT, INSERT, DELETE ON pg_temp.pinnacle_noted TO PUBLIC", // the session may go on under another role
		"CREATE OR REPLACE FUNCTION pg_temp." + noter + `(pinnacle_call text, pinnacle_key bytea, pinnacle_record bytea) RETURNS void LANGUAGE plpgsql AS $pinnacle$
DECLARE
  pinnacle_left text := pg_catalog.current_setting('` + notingSetting + `', true);
  pinnacle_few text;
  pinnacle_rank int;
BEGIN
  IF pinnacle_left IS NULL OR pinnacle_left OPERATOR(pg_catalog.=) '' THEN
    RAISE EXCEPTION USING ERRCODE = '` + CodeLate + `', MESSAGE = 'predict was asked for arguments that were not there when the statement began';
  END IF;
  INSERT INTO pg_temp.pinnacle_noted VALUES (pinnacle_call, pinnacle_key) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RAISE INFO USING ERRCODE = '` + CodeAsked + `', MESSAGE = pinnacle_call OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) pg_catalog.encode(pinnacle_record, 'hex');
    pinnacle_rank := (nullif(pg_catalog.current_setting('` + ranksSetting + `', true), '')::pg_catalog.jsonb OPERATOR(pg_catalog.->>) pinnacle_call)::pg_catalog.int4;
    IF pinnacle_rank IS NOT NULL THEN
      PERFORM pg_catalog.set_config('` + missedSetting + `', least(pinnacle_rank, nullif(pg_catalog.current_setting('` + missedSetting + `', true), '')::pg_catalog.int4)::pg_catalog.text, true);
    END IF;
    pinnacle_few := pg_catalog.current_setting('` + fewSetting + `', true);
    IF pinnacle_few OPERATOR(pg_catalog.<>) '' THEN
      IF pinnacle_few::pg_catalog.int4 OPERATOR(pg_catalog.<=) 1 THEN
        RAISE EXCEPTION USING ERRCODE = '` + CodeEnough + `', MESSAGE = 'enough was asked for in this round';
      END IF;
      PERFORM pg_catalog.set_config('` + fewSetting + `', (pinnacle_few::pg_catalog.int4 OPERATOR(pg_catalog.-) 1)::pg_catalog.text, true);
    END IF;
  END IF;
  IF pinnacle_left OPERATOR(pg_catalog.<>) 'all' THEN
    IF pinnacle_left::pg_catalog.int4 OPERATOR(pg_catalog.<=) 1 THEN
      RAISE EXCEPTION USING ERRCODE = '` + CodeEnough + `', MESSAGE = 'enough was asked for in this round';
    END IF;
    PERFORM pg_catalog.set_config('` + notingSetting + `', (pinnacle_left::pg_catalog.int4 OPERATOR(pg_catalog.-) 1)::pg_catalog.text, true);
  END IF;
END $pinnacle$`,
	}
}

// createFunction makes the function of a call. It is STABLE, not IMMUTABLE: PostgreSQL would otherwise put the NULL of a
// miss into a plan that it keeps. What it reads is of the snapshot of the statement that calls it. That of a model that is
// not deterministic is VOLATILE, and each evaluation of the same arguments has an answer of its own, by its turn.
func createFunction(f *planner.Function) []string {
	table := "pg_temp." + answersTable(f)
	var params, args []string
	for i, a := range f.Model.Args {
		p := a.Type.String()
		if a.Name != "" {
			p = sqlparse.QuoteIdentifier(a.Name) + " " + p
		}
		params = append(params, p)
		args = append(args, sent(f, i))
	}
	kind, turn, record := " STABLE", "", "pinnacle_record"
	if !f.Model.Deterministic { // each evaluation has an answer of its own
		kind = " VOLATILE"
		turn = "\n  pinnacle_turn := pg_temp." + turns + "(pinnacle_key);\n  pinnacle_key := pinnacle_key OPERATOR(pg_catalog.||) pinnacle_turn;"
		record += " OPERATOR(pg_catalog.||) pinnacle_turn"
	}
	if f.Model.NullOnNull {
		kind += " STRICT"
	}
	returns := Returns(f).String()
	return []string{
		"CREATE TEMPORARY TABLE IF NOT EXISTS " + answersTable(f) + " (key bytea PRIMARY KEY, answer " + returns + ")",
		"GRANT SELECT, INSERT, DELETE, TRUNCATE ON " + table + " TO PUBLIC",
		"CREATE OR REPLACE FUNCTION pg_temp." + f.Name + "(" + strings.Join(params, ", ") + ") RETURNS " + returns +
			" LANGUAGE plpgsql" + kind + ` COST 1000 AS $pinnacle$
#variable_conflict use_column
DECLARE
  pinnacle_record bytea := pg_catalog.record_send(ROW(` + strings.Join(args, ", ") + `));
  pinnacle_key bytea;
  pinnacle_turn bytea;
  pinnacle_answer ` + returns + `;
BEGIN
  IF pg_catalog.octet_length(pinnacle_record) OPERATOR(pg_catalog.>) ` + fmt.Sprint(longKey) + ` THEN
    pinnacle_key := '\x` + hex.EncodeToString(prefix(f)) + `'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.sha256(pinnacle_record);
  ELSE
    pinnacle_key := '\x` + hex.EncodeToString(prefix(f)) + `'::pg_catalog.bytea OPERATOR(pg_catalog.||) pinnacle_record;
  END IF;` + turn + `
  SELECT a.answer INTO pinnacle_answer FROM ` + table + ` AS a WHERE a.key OPERATOR(pg_catalog.=) pinnacle_key;
  IF NOT FOUND THEN
    IF pg_catalog.current_setting('` + wideSetting + `', true) OPERATOR(pg_catalog.=) 'on' THEN
      RAISE INFO USING ERRCODE = '` + CodeAsked + `', MESSAGE = '` + f.Name + ` ' OPERATOR(pg_catalog.||) pg_catalog.encode(` + record + `, 'hex');
    ELSE
      PERFORM pg_temp.` + noter + `('` + f.Name + `', pinnacle_key, ` + record + `);
    END IF;
  END IF;
  RETURN pinnacle_answer;
END $pinnacle$`,
	}
}

// sent is an argument of a function in the record by which it asks: text of a function that is Encoded is its UTF-8, since
// record_send would give it in the client's encoding, which may not even have its characters.
func sent(f *planner.Function, i int) string {
	arg := fmt.Sprintf("$%d", i+1)
	switch t := f.Model.Args[i].Type; {
	case f.Encoded && t == udf.Text:
		return "pg_catalog.convert_to(" + arg + ", 'UTF8')"
	case f.Encoded && (t == udf.JSON || t == udf.JSONB):
		return "pg_catalog.convert_to(" + arg + "::pg_catalog.text, 'UTF8')"
	}
	return arg
}

// answersTable is the temporary table of a function's answers, which functions of one type of answers share: to make a
// table costs home more than to make a function. Its rows outlive the transaction, for what is asked again, since to clear
// a temporary table at each commit costs home more than most statements do.
func answersTable(f *planner.Function) string {
	return fmt.Sprintf("pinnacle_answers_%d", Returns(f).OID())
}

// prefix begins the keys of a function's answers.
func prefix(f *planner.Function) []byte { return namePrefix(f.Name) }

// prefixSize is the length of what begins the keys of a function, in bytes.
const prefixSize = 8

// namePrefix begins the keys of what belongs to a function.
func namePrefix(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:prefixSize]
}

// Clear is the statement that takes a function's answers off home; all says that those of other functions in its table go
// too, which is fast.
func Clear(f *planner.Function, all bool) string {
	if all {
		return "TRUNCATE pg_temp." + answersTable(f)
	}
	return "DELETE FROM pg_temp." + answersTable(f) + " WHERE pg_catalog.substr(key, 1, " + fmt.Sprint(prefixSize) + ") OPERATOR(pg_catalog.=) '\\x" + hex.EncodeToString(prefix(f)) + "'"
}

// Returns is the type of a function's answers: the model's own, and jsonb for predict_details.
func Returns(f *planner.Function) udf.Type {
	if f.Kind == "predict_details" {
		return udf.JSONB
	}
	return f.Model.Returns
}

// Noting is the statement that lets functions ask for at most so many misses in what follows of the transaction; 0 for
// any number, and -1 that none may be missed. few is the number of distinct arguments at which they stop, 0 for none. While
// functions may ask, keptSettings are set.
func Noting(misses, few int) string {
	set := func(setting, value string) string {
		return "pg_catalog.set_config('" + setting + "', '" + value + "', true)"
	}
	if misses < 0 {
		text := "SELECT " + set(notingSetting, "") + ", " + set(wideSetting, "")
		for _, k := range keptSettings {
			text += ", " + k.restore()
		}
		return text
	}
	left, distinct := "all", ""
	if misses > 0 {
		left = fmt.Sprint(misses)
	}
	if few > 0 {
		distinct = fmt.Sprint(few)
	}
	text := "SELECT " + set(notingSetting, left) + ", " + set(fewSetting, distinct) + ", " + set(wideSetting, "")
	for _, k := range keptSettings {
		text += ", " + k.set()
	}
	return text
}

// Forget is the statement that lets functions ask again for what they have asked for in an earlier round.
const Forget = "DELETE FROM pg_temp.pinnacle_noted"
