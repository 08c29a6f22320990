package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// make adds all that a relation needs.
func (p *pass) make(b *script, s *shape) {
	b.add("SET LOCAL ROLE %s", quoted(p.m.config.Owner))
	s.own(b)
	b.add("RESET ROLE")
	s.behind(b, p.m.config.Owner)
}

// create makes new relations, many in one round trip; where one of them is refused, each of its batch by itself.
func (p *pass) create(ctx context.Context, names []qualified) error {
	for batch := range slices.Chunk(names, batchSize) {
		var b script
		b.add("BEGIN")
		b.add("SET LOCAL ROLE %s", quoted(p.m.config.Owner))
		for _, n := range batch {
			p.want[n].own(&b)
		}
		b.add("RESET ROLE")
		for _, n := range batch {
			p.want[n].behind(&b, p.m.config.Owner)
			if err := p.want[n].note(&b); err != nil {
				return err
			}
		}
		b.add("COMMIT")
		err := execute(ctx, p.conn, b.String())
		switch {
		case err == nil:
			p.report.Created += len(batch)
			p.added = true
			continue
		case !refused(err):
			return err
		}
		for _, n := range batch {
			if err := p.createOne(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// createOne makes one relation: whole, or else its columns alone.
func (p *pass) createOne(ctx context.Context, name qualified) error {
	want := p.want[name]
	digest, body, err := want.fingerprint()
	if err != nil {
		return err
	}
	var first error
	for _, s := range []*shape{want, want.bare()} {
		if s != want {
			if _, body, err = s.fingerprint(); err != nil {
				return err
			}
		}
		var b script
		b.add("BEGIN")
		p.make(&b, s)
		s.noteAs(&b, digest, body)
		b.add("COMMIT")
		err := execute(ctx, p.conn, b.String())
		switch {
		case err == nil:
			p.report.Created++
			p.added = true
			if first != nil {
				p.tell(name, "a relation of the databackend is shown without keys, defaults and comments", first)
			}
			return nil
		case !refused(err):
			return err
		case busy(err):
			p.report.Waiting++
			return nil
		case first == nil:
			first = err
		}
	}
	p.tell(name, "a relation of the databackend cannot be shown", first)
	return nil
}

// drop takes away what the databackend has no more.
func (p *pass) drop(ctx context.Context, names []qualified) error {
	old, err := p.shapesOf(ctx, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		var b script
		b.add("BEGIN")
		old[n].remove(&b)
		b.add("COMMIT")
		err := execute(ctx, p.conn, b.String())
		switch {
		case err == nil:
			p.report.Dropped++
			p.added = true // foreign keys of others may have been taken off with it
		case !refused(err):
			return err
		case busy(err):
			p.report.Waiting++
		default:
			p.tell(n, "a relation has gone from the databackend and is kept in the local PostgreSQL, since something there depends on it", err)
		}
	}
	return nil
}

// change makes relations what they are now: by ALTER where the columns come out in the databackend's order, otherwise
// anew, and by ALTER again where something depends on the old one.
func (p *pass) change(ctx context.Context, names []qualified) error {
	old, err := p.shapesOf(ctx, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := p.changeOne(ctx, n, old[n]); err != nil {
			return err
		}
	}
	return nil
}

// changeOne changes one relation.
func (p *pass) changeOne(ctx context.Context, name qualified, old *shape) error {
	want, whole := p.want[name], p.have[name].whole
	var ways []func(context.Context, *script) error
	alter := func(_ context.Context, b *script) error {
		old.reshape(b, want)
		return nil
	}
	anew := func(ctx context.Context, b *script) error { return p.anew(ctx, b, old, want) }
	switch {
	case whole && old.fits(want):
		ways = append(ways, alter, anew)
	case whole && alterable(old, want):
		ways = append(ways, anew, alter)
	default:
		ways = append(ways, anew)
	}
	var first error
	for _, way := range ways {
		var b script
		b.add("BEGIN")
		if err := way(ctx, &b); err != nil {
			return err
		}
		if err := want.note(&b); err != nil {
			return err
		}
		b.add("COMMIT")
		err := execute(ctx, p.conn, b.String())
		switch {
		case err == nil:
			p.report.Changed++
			p.added = true
			return nil
		case !refused(err):
			return err
		case busy(err):
			p.report.Waiting++
			return nil
		}
		first = cmp.Or(first, err)
	}
	p.tell(name, "a relation has changed in the databackend and is kept as it was in the local PostgreSQL, since something there depends on it", first)
	return nil
}

// anew drops a relation and makes it again, with what the local PostgreSQL alone has of it: rights, comments, the CHECK constraints
// that it shows.
func (p *pass) anew(ctx context.Context, b *script, old, want *shape) error {
	var rights string
	err := p.conn.QueryRow(ctx, `SELECT coalesce((SELECT pinnacle_foreign.checks_of(c.oid) || pinnacle_foreign.comments_of(c.oid) || pinnacle_foreign.rights_of(c.oid) FROM pinnacle_foreign.mirrored m JOIN pg_class c ON c.oid = m.relation
 WHERE m.schema_name = $1 AND m.table_name = $2), '')`, want.Schema, want.Name).Scan(&rights)
	if err != nil {
		return err
	}
	old.remove(b)
	p.make(b, want)
	if rights != "" {
		b.WriteString(rights + "\n")
	}
	return nil
}

// foreignKeys adds the foreign keys that are not there.
func (p *pass) foreignKeys(ctx context.Context) error {
	type named struct{ schema, table, key string }
	rows, err := p.conn.Query(ctx, "SELECT n.nspname, c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f'")
	if err != nil {
		return err
	}
	have := map[named]bool{}
	var one named
	if _, err := pgx.ForEachRow(rows, []any{&one.schema, &one.table, &one.key}, func() error {
		have[one] = true
		return nil
	}); err != nil {
		return err
	}
	var missing []func(*script)
	for _, s := range p.want {
		for i := range s.Foreign {
			f := &s.Foreign[i]
			to := p.want[qualified{f.RefSchema, f.RefName}]
			if to == nil || to.View || have[named{s.Schema, s.Name, f.Name}] {
				continue
			}
			missing = append(missing, func(b *script) { f.references(b, s) })
		}
	}
	for batch := range slices.Chunk(missing, batchSize) {
		var b script
		for _, add := range batch {
			add(&b)
		}
		if err := execute(ctx, p.conn, b.String()); err != nil {
			if !busy(err) {
				return fmt.Errorf("foreign keys: %w", err)
			}
			p.report.Waiting++
		}
	}
	return nil
}
