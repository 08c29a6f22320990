package ship

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The settings of home by which bare expressions take note of misses: what they have noted, and the number of bytes past
// which the next note ends the round.
const (
	bareNotes = "pinnacle.bare"
	bareRoom  = "pinnacle.room"
	// bareKey has the arguments of the call that was evaluated last.
	bareKey = "pinnacle.key"
)

// sends are PostgreSQL's functions that give the binary form of a type, each the only one of its name: as a function's
// argument is, theirs is cast by implicit casts alone.
var sends = map[udf.Type]string{
	udf.Bool: "boolsend", udf.Int2: "int2send", udf.Int4: "int4send", udf.Int8: "int8send", udf.Float4: "float4send",
	udf.Float8: "float8send", udf.Numeric: "numeric_send", udf.Text: "textsend", udf.Bytea: "byteasend", udf.Date: "date_send",
	udf.Time: "time_send", udf.Timestamp: "timestamp_send", udf.Timestamptz: "timestamptz_send", udf.Interval: "interval_send",
	udf.UUID: "uuid_send", udf.JSON: "json_send", udf.JSONB: "jsonb_send",
}

// Bare reports whether a function can do without anything that home would have to make: see BareExpr.
func Bare(f *planner.Function) bool {
	return f.Model.Deterministic && f.Model.Returns != udf.Invalid &&
		!slices.ContainsFunc(f.Model.Args, func(a udf.Arg) bool { return sends[a.Type] == "" })
}

// BareExpr is an expression in place of a call of a function, for a session of home that can make no function: that of a
// read-only transaction, and of a server in recovery. It needs nothing but settings. args are the texts of the arguments,
// each of which stands in it several times and is evaluated twice; answers is the answers there are, as an expression: a jsonb
// object, by the keys of the arguments in hex. The arguments of the call are kept in a setting while the rest of the expression
// is evaluated. For those that have no answer it notes them in another setting, which is undone with the round, and is NULL;
// where there is no room it ends the round by an error whose message has the notes.
func BareExpr(f *planner.Function, args []string, answers string) string {
	returns := Returns(f).String()
	null := "NULL::" + returns
	typed, whens := make([]string, len(args)), []string(nil)
	for i, a := range args {
		typed[i] = "(" + a + ")::" + f.Model.Args[i].Type.String()
		whens = append(whens, "false AND pg_catalog."+sends[f.Model.Args[i].Type]+"(("+a+"))"+" IS NULL THEN "+null)
	}
	for i, a := range typed {
		if f.Model.NullOnNull {
			whens = append(whens, a+" IS NULL THEN "+null)
		}
		if f.Model.Args[i].Type == udf.Text && Returns(f) == udf.Text { // a function's answer has the collation of its arguments
			whens = append(whens, "false THEN "+a)
		}
	}
	record := "pg_catalog.encode(pg_catalog.record_send(ROW(" + strings.Join(typed, ", ") + ")), 'hex')"
	whole := "pg_catalog.current_setting('" + bareKey + "', true)" // home evaluates it too to estimate, before it was set
	key := fmt.Sprintf("CASE WHEN pg_catalog.length(%[1]s) OPERATOR(pg_catalog.>) %[2]d THEN pg_catalog.encode(pg_catalog.sha256(pg_catalog.decode(%[1]s, 'hex')), 'hex') ELSE %[1]s END", whole, 2*longKey)
	noted := "pg_catalog.current_setting('" + bareNotes + "', true)"
	note := "'" + f.Name + ":' OPERATOR(pg_catalog.||) " + whole + " OPERATOR(pg_catalog.||) ' '"
	both := "(" + noted + " OPERATOR(pg_catalog.||) " + note + ")"
	whens = append(whens,
		"pg_catalog.set_config('"+bareKey+"', "+record+", true) IS NULL THEN "+null,
		answers+" OPERATOR(pg_catalog.?) ("+key+") THEN ("+answers+" OPERATOR(pg_catalog.->>) ("+key+"))::"+returns,
		"pg_catalog.strpos("+noted+", "+note+") OPERATOR(pg_catalog.>) 0 THEN "+null,
		"pg_catalog.length("+both+") OPERATOR(pg_catalog.>) pg_catalog.current_setting('"+bareRoom+"', true)::pg_catalog.int4 AND "+both+"::pg_catalog.int4 IS NULL THEN "+null,
		"pg_catalog.set_config('"+bareNotes+"', "+both+", true) IS NULL THEN "+null)
	return "CASE WHEN " + strings.Join(whens, " WHEN ") + " ELSE " + null + " END"
}

// BareOpening is the statement that begins a round of bare expressions, with so much room for notes, in bytes.
func BareOpening(room int) string {
	return fmt.Sprintf("SELECT pg_catalog.set_config('%s', '', true), pg_catalog.set_config('%s', '%d', true)", bareNotes, bareRoom, room)
}

// BareNotes is the query that gives what a round has noted.
const BareNotes = "SELECT pg_catalog.current_setting('" + bareNotes + "')"

// bareNote finds a note.
var bareNote = regexp.MustCompile(`(pinnacle_[0-9a-f]+_[ptd][0-9]+):([0-9a-f]+) `)

// TakeBare reads the notes in a text: what BareNotes gives, or the message of an error. It reports whether there were any.
func (r *Round) TakeBare(text string) bool {
	found := bareNote.FindAllStringSubmatch(text, -1)
	for _, note := range found {
		r.Take(CodeAsked, note[1]+" "+note[2])
	}
	return len(found) > 0
}

// BareAnswers are answers as the parameter of BareExpr has them.
type BareAnswers struct {
	object []byte
}

// Add adds the answers to what was asked.
func (b *BareAnswers) Add(a *Asked, answers *udf.Column) error {
	for i, key := range a.Keys {
		if answers.Null(i) {
			b.add(key, nil)
			continue
		}
		text, err := pgvalue.AppendText(nil, answers, i, 1)
		if err != nil {
			return err
		}
		b.add(key, text)
	}
	return nil
}

// Row adds an answer as Details gives it.
func (b *BareAnswers) Row(values [][]byte) error {
	if len(values) != 2 || len(values[0]) < prefixSize {
		return fmt.Errorf("home gave %d values for an answer with its key", len(values))
	}
	b.add(values[0], values[1])
	return nil
}

// add adds an answer's text; nil for NULL.
func (b *BareAnswers) add(key, text []byte) {
	if len(b.object) > 0 {
		b.object = append(b.object, ',')
	}
	if b.object = fmt.Appendf(b.object, `"%x":`, key[prefixSize:]); text == nil {
		b.object = append(b.object, "null"...)
		return
	}
	b.object = udf.AppendJSONString(b.object, string(text))
}

// Held is the memory that the answers take, in bytes.
func (b *BareAnswers) Held() int { return len(b.object) }

// Param is the parameter, a jsonb in binary form. b may be nil, for no answers.
func (b *BareAnswers) Param() []byte { return append([]byte{1}, b.json()...) }

// Literal is the answers as a constant, for statements that take no parameters.
func (b *BareAnswers) Literal() string {
	return sqlparse.QuoteLiteral(string(b.json())) + "::pg_catalog.jsonb"
}

// json is the object that holds the answers.
func (b *BareAnswers) json() []byte {
	if b == nil {
		return []byte("{}")
	}
	return append(append([]byte("{"), b.object...), '}')
}
