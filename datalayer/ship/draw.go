package ship

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The SQLSTATEs that functions in place of volatile ones raise.
const (
	// CodeDrawn is that of the INFO that tells a value that was drawn.
	CodeDrawn = "PN004"
	// CodeDrawing is that of the INFO before a function of the user's is called for one, which may give notices.
	CodeDrawing = "PN005"
	// CodeWrites is that of the error for a function that changes data.
	CodeWrites = "PN006"
)

// The settings of home by which functions know what a round has done so far.
const (
	// ranksSetting is a JSON object: the rank of each function by its name.
	ranksSetting = "pinnacle.ranks"
	// missedSetting is the lowest rank of those functions that have missed an answer in the round, "" for none.
	missedSetting = "pinnacle.missed"
	// roundSetting is the number of the round.
	roundSetting = "pinnacle.round"
	// turnSetting begins the settings that count the calls of a function with constant arguments.
	turnSetting = "pinnacle.turn_"
)

// turns is the function that counts the evaluations of a call with the same arguments in a round, from 1.
const turns = "pinnacle_turn"

// createTurns makes the function that counts. What rounds have counted that were undone is still there for PostgreSQL to
// step over, so each has keys of its own.
func createTurns() []string {
	return []string{
		"CREATE TEMPORARY TABLE IF NOT EXISTS pinnacle_turns (key bytea, turn int8, PRIMARY KEY (key, turn))",
		"GRANT SELECT, INSERT, DELETE, TRUNCATE ON pg_temp.pinnacle_turns TO PUBLIC",
		"CREATE OR REPLACE FUNCTION pg_temp." + turns + `(pinnacle_key bytea) RETURNS bytea LANGUAGE plpgsql AS $pinnacle$
DECLARE
  pinnacle_own bytea := pinnacle_key OPERATOR(pg_catalog.||) pg_catalog.int4send(pg_catalog.current_setting('` + roundSetting + `')::pg_catalog.int4);
  pinnacle_turn int8;
BEGIN
  INSERT INTO pg_temp.pinnacle_turns AS t VALUES (pinnacle_own, coalesce((SELECT p.turn FROM pg_temp.pinnacle_turns AS p
    WHERE p.key OPERATOR(pg_catalog.=) pinnacle_own ORDER BY p.turn DESC LIMIT 1), 0) OPERATOR(pg_catalog.+) 1) RETURNING t.turn INTO pinnacle_turn;
  RETURN pg_catalog.int8send(pinnacle_turn);
END $pinnacle$`,
	}
}

// drawnTable is the temporary table of the values of a type that were drawn.
func drawnTable(oid uint32) string { return fmt.Sprintf("pinnacle_drawn_%d", oid) }

// createDraw makes the functions in place of a volatile one, each with the signature of one that it may mean.
func createDraw(d *planner.Draw) []string {
	var texts []string
	tables := map[uint32]bool{}
	for _, f := range d.Functions {
		table := drawnTable(f.ReturnsOID)
		if !tables[f.ReturnsOID] {
			tables[f.ReturnsOID] = true
			texts = append(texts, "CREATE TEMPORARY TABLE IF NOT EXISTS "+table+" (key bytea PRIMARY KEY, value "+f.Returns+")",
				"GRANT SELECT, INSERT, DELETE, TRUNCATE ON pg_temp."+table+" TO PUBLIC")
		}
		texts = append(texts, "CREATE OR REPLACE FUNCTION pg_temp."+d.Name+"("+f.Parameters+") RETURNS "+f.Returns+" LANGUAGE plpgsql AS $pinnacle$"+drawBody(d, f)+"$pinnacle$")
	}
	return texts
}

// drawBody is the body of such a function: a value that was drawn before for the same evaluation, or a new one, which it
// tells; NULL where a missing answer may be why it is called at all. A function of the user's is called where it cannot
// write: what it writes would be undone with the round.
func drawBody(d *planner.Draw, f planner.VolatileFunction) string {
	args := make([]string, f.Arguments)
	for i := range args {
		args[i] = fmt.Sprintf("$%d", i+1)
	}
	record := "ROW(" + strings.Join(args, ", ") + ")"
	if f.Variadic {
		args[len(args)-1] = "VARIADIC " + args[len(args)-1]
	}
	call := "pinnacle_value := " + sqlparse.QuoteIdentifier(f.Schema) + "." + sqlparse.QuoteIdentifier(f.Name) + "(" + strings.Join(args, ", ") + ");"
	if !f.Own {
		call = `
  RAISE INFO USING ERRCODE = '` + CodeDrawing + `', MESSAGE = '` + d.Name + `';
  IF pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool THEN
    ` + call + `
  ELSE
    BEGIN
      PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
      ` + call + `
    EXCEPTION WHEN read_only_sql_transaction THEN
      RAISE EXCEPTION USING ERRCODE = '` + CodeWrites + `', MESSAGE = '` + d.Name + `';
    END;
  END IF;`
	}
	turn := "pg_temp." + turns + "(pinnacle_key)"
	if d.Constant {
		setting := turnSetting + d.Name
		turn = "pg_catalog.int8send(pg_catalog.set_config('" + setting + "', (coalesce(nullif(pg_catalog.current_setting('" + setting +
			"', true), ''), '0')::pg_catalog.int8 OPERATOR(pg_catalog.+) 1)::pg_catalog.text, true)::pg_catalog.int8)"
	}
	name := "'\\x" + hex.EncodeToString(drawPrefix(d)) + "'::pg_catalog.bytea OPERATOR(pg_catalog.||) "
	return `
#variable_conflict use_column
DECLARE
  pinnacle_record bytea := pg_catalog.record_send(` + record + `);
  pinnacle_key bytea;
  pinnacle_value ` + f.Returns + `;
  pinnacle_missed text;
BEGIN
  IF pg_catalog.octet_length(pinnacle_record) OPERATOR(pg_catalog.>) ` + fmt.Sprint(longKey) + ` THEN
    pinnacle_record := pg_catalog.sha256(pinnacle_record);
  END IF;
  pinnacle_key := ` + name + `pinnacle_record;
  pinnacle_key := pinnacle_key OPERATOR(pg_catalog.||) ` + turn + `;
  SELECT d.value INTO pinnacle_value FROM pg_temp.` + drawnTable(f.ReturnsOID) + ` AS d WHERE d.key OPERATOR(pg_catalog.=) pinnacle_key;
  IF FOUND THEN
    RETURN pinnacle_value;
  END IF;
  IF coalesce(pg_catalog.current_setting('` + notingSetting + `', true), '') OPERATOR(pg_catalog.=) '' THEN
    RAISE EXCEPTION USING ERRCODE = '` + CodeLate + `', MESSAGE = 'a volatile function was called that was not when the statement began';
  END IF;
  pinnacle_missed := coalesce(pg_catalog.current_setting('` + missedSetting + `', true), '');
  IF pinnacle_missed OPERATOR(pg_catalog.<>) '' THEN
    IF pinnacle_missed::pg_catalog.int4 OPERATOR(pg_catalog.<) (pg_catalog.current_setting('` + ranksSetting + `')::pg_catalog.jsonb OPERATOR(pg_catalog.->>) '` + d.Name + `')::pg_catalog.int4 THEN
      RETURN NULL;
    END IF;
  END IF;
  ` + call + `
  RAISE INFO USING ERRCODE = '` + CodeDrawn + `', MESSAGE = '` + fmt.Sprintf("%s %d ", d.Name, f.OID) + `' OPERATOR(pg_catalog.||) pg_catalog.encode(pinnacle_key, 'hex')
    OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) pg_catalog.encode(pg_catalog.record_send(ROW(pinnacle_value)), 'hex');
  RETURN pinnacle_value;
END `
}

// drawPrefix begins the keys of a function's values.
func drawPrefix(d *planner.Draw) []byte { return namePrefix(d.Name) }

// Opening lists the statements that begin a round of a plan beside Noting, none where it draws nothing and each of its
// models is deterministic. seed is what random() begins with in each round, round differs from those of the statement's
// other rounds.
func Opening(plan *planner.Ship, seed string, round int) ([]string, error) {
	var texts []string
	if plan.Random {
		texts = append(texts, "SELECT pg_catalog.setseed('"+seed+"')")
	}
	if counts(plan.Functions, plan.Draws) {
		texts = append(texts, fmt.Sprintf("SELECT pg_catalog.set_config('%s', '%d', true)", roundSetting, round))
	}
	if len(plan.Draws) == 0 {
		return texts, nil
	}
	ranks := map[string]int{}
	settings := map[string]string{missedSetting: ""}
	for _, f := range plan.Functions {
		ranks[f.Name] = f.Rank
	}
	for _, d := range plan.Draws {
		ranks[d.Name] = d.Rank
		if d.Constant {
			settings[turnSetting+d.Name] = ""
		}
	}
	list, err := json.Marshal(ranks)
	if err != nil {
		return nil, err
	}
	settings[ranksSetting] = string(list)
	var items []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		items = append(items, "pg_catalog.set_config('"+name+"', '"+settings[name]+"', true)")
	}
	return append(texts, "SELECT "+strings.Join(items, ", ")), nil
}

// counts reports whether a function of a plan counts evaluations in the table of turns.
func counts(functions []*planner.Function, draws []*planner.Draw) bool {
	return slices.ContainsFunc(draws, func(d *planner.Draw) bool { return !d.Constant }) ||
		slices.ContainsFunc(functions, func(f *planner.Function) bool { return !f.Model.Deterministic })
}

// Closing lists the statements that take off home what a plan's rounds have drawn and counted.
func Closing(plan *planner.Ship) []string {
	tables := map[string]bool{}
	if counts(plan.Functions, plan.Draws) {
		tables["pinnacle_turns"] = true
	}
	for _, d := range plan.Draws {
		for _, f := range d.Functions {
			tables[drawnTable(f.ReturnsOID)] = true
		}
	}
	if len(tables) == 0 {
		return nil
	}
	return []string{"TRUNCATE pg_temp." + strings.Join(slices.Sorted(maps.Keys(tables)), ", pg_temp.")}
}

// Drawn are the values of one type that were drawn in a round.
type Drawn struct {
	function planner.VolatileFunction
	keys     [][]byte
	values   [][]byte // in binary form, nil for NULL
	size     int
}

// takeDrawn reads the message of a notice with CodeDrawn.
func (r *Round) takeDrawn(message string) error {
	bad := fmt.Errorf("what home has drawn cannot be read")
	parts := strings.Split(message, " ")
	if len(parts) != 4 || len(parts[1]) > 10 {
		return bad
	}
	var function *planner.VolatileFunction
	for _, d := range r.draws {
		for i := range d.Functions {
			if d.Name == parts[0] && fmt.Sprint(d.Functions[i].OID) == parts[1] {
				function = &d.Functions[i]
			}
		}
	}
	key, err := hex.DecodeString(parts[2])
	record, other := hex.DecodeString(parts[3])
	// record_send: the number of columns, and of the one its type, length and value
	if function == nil || err != nil || other != nil || len(record) < 12 || binary.BigEndian.Uint32(record) != 1 {
		return bad
	}
	size := int32(binary.BigEndian.Uint32(record[8:]))
	value := record[12:]
	if size < 0 {
		value = nil
	}
	if int(max(size, 0)) != len(value) {
		return bad
	}
	taken := len(key) + len(value) + askedSize
	r.held, r.drew = r.held+taken, r.drew+taken
	if r.most > 0 && r.drew > r.most {
		return errRoundBytes(r.most)
	}
	d := r.drawn[function.ReturnsOID]
	if d == nil {
		d = &Drawn{function: *function}
		r.drawn[function.ReturnsOID] = d
	}
	d.keys, d.values, d.size = append(d.keys, key), append(d.values, value), d.size+len(value)
	return nil
}

// errRoundBytes is the error for values that take too much memory: none of them may be drawn again.
func errRoundBytes(most int) error {
	return &datalayer.Error{Code: "54000", Message: "a statement with predict draws too many values of volatile functions at once",
		Detail: fmt.Sprintf("They take more than %d bytes.", most),
		Hint:   "Raise the setting predict-round-bytes, or run the statement over fewer rows at a time."}
}

// GiveDrawn lists the queries that put what was drawn in the round where the next rounds find it.
func (r *Round) GiveDrawn() ([]stream.Query, error) {
	var queries []stream.Query
	for _, oid := range slices.Sorted(maps.Keys(r.drawn)) {
		d := r.drawn[oid]
		for from := 0; from < len(d.keys); from += giveRows {
			to := min(from+giveRows, len(d.keys))
			keys, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Bytea, Bytes: d.keys[from:to]}, udf.Bytea.OID())
			if err != nil {
				return nil, err
			}
			queries = append(queries, stream.Query{
				Text:  "INSERT INTO pg_temp." + drawnTable(oid) + " SELECT k, v FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS r(k, v) ON CONFLICT DO NOTHING",
				Types: []uint32{udf.Bytea.ArrayOID(), d.function.ReturnsArray}, Params: [][]byte{keys, binaryArray(oid, d.values[from:to])},
			})
		}
	}
	return queries, nil
}

// binaryArray is an array of one dimension as array_send writes it, of values in binary form.
func binaryArray(elem uint32, values [][]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 1)
	b = binary.BigEndian.AppendUint32(b, 1) // there may be NULLs
	b = binary.BigEndian.AppendUint32(b, elem)
	b = binary.BigEndian.AppendUint32(b, uint32(len(values)))
	b = binary.BigEndian.AppendUint32(b, 1)
	for _, v := range values {
		if v == nil {
			b = append(b, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b
}
