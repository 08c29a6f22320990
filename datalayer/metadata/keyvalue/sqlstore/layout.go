package sqlstore

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// layouts are the statements that bring the tables from one version to the next; the first from 0, which is no tables.
func (s *Store) layouts() [][]string {
	first := []string{s.texts.createLayout, s.texts.createRecords}
	if s.engine.createSchema != "" {
		first = append([]string{s.engine.createSchema}, first...)
	}
	return [][]string{first}
}

// migrateAttempts is how often the tables are made: two proxies that do so at once may get into each other's way.
const migrateAttempts = 5

// migrate brings the tables up to date. Those of a newer program are refused.
func (s *Store) migrate(ctx context.Context) (err error) {
	layouts := s.layouts()
	for attempt := range migrateAttempts {
		have := s.layout(ctx)
		switch {
		case have > len(layouts):
			return keyvalue.Newer("the tables of "+s.engine.where, have, len(layouts))
		case have == len(layouts):
			return nil
		}
		if err = s.toLayout(ctx, have, layouts[have]); err != nil {
			if err := keyvalue.Pause(ctx, attempt); err != nil {
				return err
			}
		}
	}
	return err
}

// layout reads the version of the tables; 0 where there are none, or they cannot be read: making them tells why.
func (s *Store) layout(ctx context.Context) (version int) {
	if err := s.db.QueryRowContext(ctx, s.texts.readLayout).Scan(&version); err != nil {
		return 0
	}
	return version
}

// toLayout brings the tables from one version to the next and notes it. Each statement bears being run again.
func (s *Store) toLayout(ctx context.Context, from int, statements []string) error {
	for _, text := range statements {
		if _, err := s.db.ExecContext(ctx, text); err != nil {
			return s.failed(ctx, "make the tables of the metadata store", err)
		}
	}
	if _, err := s.db.ExecContext(ctx, s.texts.addLayout, from+1); err != nil {
		return s.failed(ctx, "note the layout of the metadata store", err)
	}
	return nil
}
