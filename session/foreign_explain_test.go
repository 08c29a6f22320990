package session

import (
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// plansOf answers with two facts for one text.
type plansOf string

func (p plansOf) Explain(remote string) []foreign.Fact {
	if remote != string(p) {
		return nil
	}
	return []foreign.Fact{{Name: "Finished by PostgreSQL", Value: "operator ~ (text, text)"}, {Name: "Databackend", Value: "SELECT \"a\"\nFROM <t>"}}
}

func TestExplainLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"text": {`  Remote SQL: SELECT a FROM t WHERE (a = 'x"y')`,
			"  Remote SQL: SELECT a FROM t WHERE (a = 'x\"y')\n  Finished by PostgreSQL: operator ~ (text, text)\n  Databackend: SELECT \"a\" FROM <t>"},
		"json, the last of its object": {`      "Remote SQL": "SELECT a FROM t WHERE (a = 'x\"y')"`,
			`      "Remote SQL": "SELECT a FROM t WHERE (a = 'x\"y')",` + "\n" + `      "Finished by PostgreSQL": "operator ~ (text, text)",` + "\n" + `      "Databackend": "SELECT \"a\"\nFROM <t>"`},
		"json, not the last": {`"Remote SQL": "SELECT a FROM t WHERE (a = 'x\"y')",`,
			`"Remote SQL": "SELECT a FROM t WHERE (a = 'x\"y')",` + "\n" + `"Finished by PostgreSQL": "operator ~ (text, text)",` + "\n" + `"Databackend": "SELECT \"a\"\nFROM <t>",`},
		"yaml": {`    Remote SQL: "SELECT a FROM t WHERE (a = 'x\"y')"`,
			`    Remote SQL: "SELECT a FROM t WHERE (a = 'x\"y')"` + "\n" + `    Finished by PostgreSQL: "operator ~ (text, text)"` + "\n" + `    Databackend: "SELECT \"a\"\nFROM <t>"`},
		"xml": {`<Remote-SQL>SELECT a FROM t WHERE (a = 'x&quot;y')</Remote-SQL>`,
			"<Remote-SQL>SELECT a FROM t WHERE (a = 'x&quot;y')</Remote-SQL>\n<Finished-by-PostgreSQL>operator ~ (text, text)</Finished-by-PostgreSQL>\n<Databackend>SELECT &#34;a&#34;&#xA;FROM &lt;t&gt;</Databackend>"},
		"another text":  {"  Remote SQL: SELECT 1", "  Remote SQL: SELECT 1"},
		"another line":  {"  Output: a", "  Output: a"},
		"a broken json": {`"Remote SQL": "x`, `"Remote SQL": "x`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := explainLines(plansOf(`SELECT a FROM t WHERE (a = 'x"y')`), []string{c.in}); !slices.Equal(got, strings.Split(c.want, "\n")) {
				t.Errorf("got  %q\nwant %q", got, strings.Split(c.want, "\n"))
			}
		})
	}
}
