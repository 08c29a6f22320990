package validation

import (
	"errors"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestCompose(t *testing.T) {
	t.Parallel()
	model := &datalayer.ModelVersion{Name: "it's", Version: 3, Args: []udf.Arg{{Name: "b", Type: udf.Int4}, {Name: "a", Type: udf.Text}}}
	int4, enumeration := udf.Int4.OID(), uint32(99999)
	for _, c := range []struct {
		name    string
		columns []Column
		want    string
	}{
		{"by name", []Column{{"a", int4}, {"b", int4}, {"y", int4}}, `SELECT validated."y", predict('it''s@3', validated."b", validated."a") FROM (`},
		{"by name, among others", []Column{{"y", int4}, {"a", int4}, {"other", int4}, {"b", int4}}, `SELECT validated."y", predict('it''s@3', validated."b", validated."a") FROM (`},
		{"by place", []Column{{"p", int4}, {"y", enumeration}, {"Q", int4}}, `SELECT validated."y"::pg_catalog.text, predict('it''s@3', validated."p", validated."Q") FROM (`},
		{"no target", []Column{{"a", int4}, {"b", int4}}, "42703"},
		{"too few", []Column{{"a", int4}, {"y", int4}}, "42883"},
		{"too many", []Column{{"p", int4}, {"q", int4}, {"r", int4}, {"y", int4}}, "42883"},
	} {
		d := &Definition{Target: "y"}
		st, err := d.Compose(model, "SELECT 1 -- x", c.columns)
		var own *datalayer.Error
		got := strings.ReplaceAll(st.Text[:st.QueryAt], `validated.y`, `validated."y"`)
		if errors.As(err, &own) {
			got = own.Code
		} else if !strings.HasPrefix(st.Text[st.QueryAt:], "SELECT 1 -- x\n)") {
			t.Errorf("%s: the query is not at %d of %s", c.name, st.QueryAt, st.Text)
		}
		for _, name := range []string{"a", "b", "p"} { // names that need no quotes have none
			got = strings.ReplaceAll(got, "validated."+name+",", `validated."`+name+`",`)
			got = strings.ReplaceAll(got, "validated."+name+")", `validated."`+name+`")`)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	r, err := ParseRequest(`{"model": "m@2", "query": "SELECT 1", "target": "y", "metrics": ["f1"], "options": {"positive": "a"}}`)
	if err != nil || r.Model != "m@2" || r.Query != "SELECT 1" || r.Target != "y" || r.Options["positive"] != "a" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, text := range []string{``, `[]`, `{}`, `{"model": "m"}`, `{"model": "m", "target": "y"}`, `{"model": "m", "target": "y", "query": "q", "dataset": "d"}`, `{"model": "m", "target": "y", "qery": "q"}`} {
		if _, err := ParseRequest(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	if name, version, err := SplitVersion("d@12"); name != "d" || version != 12 || err != nil {
		t.Errorf("%s, %d, %v", name, version, err)
	}
	for _, text := range []string{"d@", "d@0", "d@x", "d@-1"} {
		if _, _, err := SplitVersion(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
