package session

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// typedName is the name on home of a statement and a portal that are described and never run.
const typedName = "pinnacle_typed"

// look has home describe a statement that is not kept.
func (h *homeSide) look(ctx context.Context, text string, params []uint32) (*described, error) {
	err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: typedName}, &pgproto3.Parse{Name: typedName, Query: text, ParameterOIDs: params},
		&pgproto3.Describe{ObjectType: 'S', Name: typedName}, &pgproto3.Close{ObjectType: 'S', Name: typedName})
	if err != nil {
		return nil, err
	}
	d := &described{}
	return d, h.expect(ctx, "31tT3", d.read)
}

// modifiable reports whether values of a type may have a modifier: numeric(6,2), varchar(4).
func modifiable(oid uint32) bool {
	switch oid {
	case pgtype.NumericOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.BitOID, pgtype.VarbitOID, pgtype.TimeOID, pgtype.TimetzOID, pgtype.TimestampOID,
		pgtype.TimestamptzOID, pgtype.IntervalOID, pgtype.NumericArrayOID, pgtype.VarcharArrayOID, pgtype.BPCharArrayOID, pgtype.BitArrayOID,
		pgtype.VarbitArrayOID, pgtype.TimeArrayOID, pgtype.TimetzArrayOID, pgtype.TimestampArrayOID, pgtype.TimestamptzArrayOID, pgtype.IntervalArrayOID:
		return true
	}
	return oid >= firstUserOID
}

// inherit gives those columns of a streamed statement that home gives place holders for the modifiers and origins that they have
// from a part of their expressions.
func (p *predictStatement) inherit(ctx context.Context, h *homeSide, columns map[int]*planner.Output) error {
	from := p.visible
	if p.executes != nil {
		from = p.executes.visible
	} else {
		asked := false
		for i, out := range columns {
			asked = asked || out.Inherits && (out.Cast || modifiable(p.visible[i].DataTypeOID))
		}
		if !asked {
			return nil
		}
		d, err := h.look(ctx, p.stream.Typed, p.home.params)
		if err != nil {
			return unpositioned(err)
		}
		from = d.fields
	}
	for i, out := range columns {
		if out.Inherits && i < len(from) {
			p.visible[i].TypeModifier, p.visible[i].TableOID, p.visible[i].TableAttributeNumber = from[i].TypeModifier, from[i].TableOID, from[i].TableAttributeNumber
		}
	}
	return nil
}

// vague reports whether a portal may tell more of its columns than its statement: where a branch of CASE or an argument of COALESCE
// goes when PostgreSQL plans the statement, the column has the modifier of what is left.
func (p *predictStatement) vague() bool {
	loose := false
	for _, f := range p.visible {
		loose = loose || f.TypeModifier == -1 && modifiable(f.DataTypeOID)
	}
	if !loose || p.executes != nil || p.node == nil {
		return false
	}
	found := false
	sqlparse.Walk(p.node, func(n *pg_query.Node) bool {
		switch n.GetNode().(type) {
		case *pg_query.Node_CaseExpr, *pg_query.Node_CoalesceExpr:
			found = true
		}
		return !found
	})
	return found
}

// planned gives columns the modifiers that they have in a portal over a text of home's.
func (p *predictStatement) planned(ctx context.Context, h *homeSide, text string, b *pgproto3.Bind, fields []pgproto3.FieldDescription) error {
	own := pgproto3.Bind{DestinationPortal: typedName, PreparedStatement: typedName, ParameterFormatCodes: b.ParameterFormatCodes, Parameters: b.Parameters}
	err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: typedName}, &pgproto3.Parse{Name: typedName, Query: text, ParameterOIDs: p.home.params}, &own,
		&pgproto3.Describe{ObjectType: 'P', Name: typedName}, &pgproto3.Close{ObjectType: 'P', Name: typedName}, &pgproto3.Close{ObjectType: 'S', Name: typedName})
	if err != nil {
		return err
	}
	d := &described{}
	if err := h.expect(ctx, "312T33", d.read); err != nil {
		return unpositioned(err)
	}
	modified(fields, d.fields)
	return nil
}

// modified gives columns without a modifier those of others.
func modified(fields, from []pgproto3.FieldDescription) {
	if len(fields) > len(from) {
		return
	}
	for i := range fields {
		if fields[i].TypeModifier == -1 && fields[i].DataTypeOID == from[i].DataTypeOID {
			fields[i].TypeModifier = from[i].TypeModifier
		}
	}
}
