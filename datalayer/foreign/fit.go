package foreign

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// assigned is the value of an assignment as PostgreSQL would store it. postgres_fdw does not write the cast of an assignment
// (deparse.c leaves implicit casts to the server). It is an explicit one here, but for texts with a length, which an explicit
// cast would cut in silence: fitText looks at those when they are there.
func assigned(a dialect.Assignment) (dialect.Expr, error) {
	value, to := a.Value, a.Column.Type
	if c, ok := value.(*dialect.Cast); ok && c.Implicit {
		value = c.Arg
	}
	have := value.ResultType()
	if have == to || to.OID == 0 {
		return value, nil
	}
	switch to.OID {
	case pgtype.VarcharOID, pgtype.BPCharOID:
		if to.Mod >= 0 && have.OID != pgtype.BPCharOID {
			return &dialect.Cast{Arg: value, To: dialect.Type{OID: pgtype.TextOID, Mod: -1}}, nil
		}
	case pgtype.BitOID, pgtype.VarbitOID:
		if to.Mod >= 0 {
			return nil, refuse("column %q cannot be set to an expression in an UPDATE that the databackend is not asked for whole", a.Column.Name)
		}
	}
	if have.OID == to.OID && to.Mod < 0 {
		return value, nil
	}
	return &dialect.Cast{Arg: value, To: to}, nil
}

// fitText makes a text one of varchar(n) or character(n): blanks beyond the length go, other characters are 22001, and the
// second kind is padded (PostgreSQL documentation, 8.3). Values of other types are left alone.
func fitText(value []byte, c *dialect.Column) ([]byte, error) {
	if value == nil || c.Type.Mod < 4 || c.Type.OID != pgtype.VarcharOID && c.Type.OID != pgtype.BPCharOID {
		return value, nil
	}
	most := int(c.Type.Mod - 4)
	n := utf8.RuneCount(value)
	if n > most {
		kept := bytes.TrimRight(value, " ")
		if utf8.RuneCount(kept) > most {
			name := "character varying"
			if c.Type.OID == pgtype.BPCharOID {
				name = "character"
			}
			return nil, &backend.Error{Code: "22001", Message: fmt.Sprintf("value too long for type %s(%d)", name, most), Column: c.Name}
		}
		value = value[:len(value)-(n-most)] // only blanks, of one byte each
		n = most
	}
	if c.Type.OID == pgtype.BPCharOID && n < most {
		value = append(bytes.Clone(value), bytes.Repeat([]byte{' '}, most-n)...)
	}
	return value, nil
}
