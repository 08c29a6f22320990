package foreign

import (
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

func TestFitText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		oid       uint32
		mod       int32
		in, want  string
		wantError bool
	}{
		{pgtype.VarcharOID, 4 + 3, "abc", "abc", false},
		{pgtype.VarcharOID, 4 + 3, "äöü", "äöü", false},
		{pgtype.VarcharOID, 4 + 3, "ab    ", "ab ", false},
		{pgtype.VarcharOID, 4 + 3, "ab   c", "", true},
		{pgtype.VarcharOID, 4 + 3, "äöüß", "", true},
		{pgtype.VarcharOID, -1, "abcdef", "abcdef", false},
		{pgtype.BPCharOID, 4 + 3, "a", "a  ", false},
		{pgtype.BPCharOID, 4 + 3, "a      ", "a  ", false},
		{pgtype.BPCharOID, 4 + 3, "abcd", "", true},
		{pgtype.TextOID, -1, "abcdef", "abcdef", false},
	} {
		got, err := fitText([]byte(c.in), &dialect.Column{Name: "c", Type: dialect.Type{OID: c.oid, Mod: c.mod}})
		if e, ok := err.(*backend.Error); (err != nil) != c.wantError || err != nil && (!ok || e.Code != "22001") || string(got) != c.want {
			t.Errorf("%q as %d(%d): %q, %v", c.in, c.oid, c.mod, got, err)
		}
	}
	if got, err := fitText(nil, &dialect.Column{Type: dialect.Type{OID: pgtype.BPCharOID, Mod: 7}}); got != nil || err != nil {
		t.Errorf("NULL: %q, %v", got, err)
	}
}
