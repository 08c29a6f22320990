package session

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// ForeignExplainer is a Foreign that can say what becomes of a statement that home sends to the databackend.
type ForeignExplainer interface {
	// Explain is empty for a text of which there is nothing to say.
	Explain(remote string) []foreign.Fact
}

// remoteSQL is what EXPLAIN (VERBOSE) of PostgreSQL calls the text that postgres_fdw sends.
const remoteSQL = "Remote SQL"

// explainer gives the ForeignExplainer for an EXPLAIN, nil for other statements.
func (f *foreignStatement) explainer() ForeignExplainer {
	if f.st.Node.GetExplainStmt() == nil {
		return nil
	}
	explainer, _ := f.s.cfg.Foreign.(ForeignExplainer)
	return explainer
}

// explainRows passes the rows of an EXPLAIN on, with what the databackend is asked behind each Remote SQL. In the text form, and
// only there, home's rows are lines.
func (h *homeSide) explainRows(explainer ForeignExplainer) func(body []byte) error {
	return func(body []byte) error {
		if err := h.split(body); err != nil || len(h.values) != 1 || h.values[0] == nil {
			h.x.ReplyRaw('D', body)
			return err
		}
		if text := h.values[0]; bytes.IndexByte(text, '\n') >= 0 {
			h.x.Reply(&pgproto3.DataRow{Values: [][]byte{[]byte(strings.Join(explainLines(explainer, strings.Split(string(text), "\n")), "\n"))}})
			return nil
		}
		for _, line := range explainLines(explainer, []string{string(h.values[0])}) {
			h.x.Reply(&pgproto3.DataRow{Values: [][]byte{[]byte(line)}})
		}
		return nil
	}
}

// explainForm is how a line of EXPLAIN is written.
type explainForm uint8

// The forms, by FORMAT.
const (
	explainText explainForm = iota
	explainJSON
	explainYAML
	explainXML
)

// explainLines adds the facts behind the lines that have a Remote SQL, in the form that these have.
func explainLines(explainer ForeignExplainer, lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, line)
		inner := strings.TrimLeft(line, " ")
		text, form, ok := remoteText(inner)
		if !ok {
			continue
		}
		for _, fact := range explainer.Explain(text) {
			added := line[:len(line)-len(inner)] + form.line(fact)
			if form == explainJSON {
				if last := len(out) - 1; strings.HasSuffix(out[last], ",") {
					added += ","
				} else {
					out[last] += ","
				}
			}
			out = append(out, added)
		}
	}
	return out
}

// remoteText takes the text out of a line that has a Remote SQL.
func remoteText(line string) (text string, form explainForm, ok bool) {
	quoted := func(rest string) (string, bool) {
		var text string
		err := json.Unmarshal([]byte(strings.TrimSuffix(rest, ",")), &text)
		return text, err == nil
	}
	if rest, found := strings.CutPrefix(line, `"`+remoteSQL+`": `); found {
		text, ok = quoted(rest)
		return text, explainJSON, ok
	}
	if rest, found := strings.CutPrefix(line, remoteSQL+`: "`); found {
		if text, ok = quoted(`"` + rest); ok {
			return text, explainYAML, true
		}
	}
	if rest, found := strings.CutPrefix(line, remoteSQL+": "); found {
		return rest, explainText, true
	}
	const open, end = "<Remote-SQL>", "</Remote-SQL>"
	if strings.HasPrefix(line, open) && strings.HasSuffix(line, end) {
		err := xml.Unmarshal([]byte(line), &text)
		return text, explainXML, err == nil
	}
	return "", explainText, false
}

// line writes a fact. A text of several lines is put on one where the form cannot hold it otherwise.
func (f explainForm) line(fact foreign.Fact) string {
	switch f {
	case explainJSON, explainYAML:
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(fact.Value) // a string can be written always
		value := strings.TrimSuffix(out.String(), "\n")
		if f == explainYAML {
			return fact.Name + ": " + value
		}
		return `"` + fact.Name + `": ` + value
	case explainXML:
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(fact.Value)) // nor can a Builder fail
		name := strings.ReplaceAll(fact.Name, " ", "-")
		return "<" + name + ">" + out.String() + "</" + name + ">"
	}
	return fact.Name + ": " + strings.ReplaceAll(fact.Value, "\n", " ")
}
