package crash

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// world is a PostgreSQL with a database that has every kind of component, to be copied for each crash.
type world struct {
	dir, bin string
	postgres *lab.Postgres
}

// patience is how long what must come about is waited for.
const patience = 2 * time.Minute

// newWorld starts it. What it returns is to be closed even when there was an error.
func newWorld(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "pinnacle-crash-")
	w := &world{dir: dir}
	if err != nil {
		return w, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server runs as another user
		return w, err
	}
	if w.bin, err = lab.ProxyBinary(ctx, "../..", dir); err != nil {
		return w, err
	}
	if w.postgres, err = lab.StartPostgres(ctx, filepath.Join(dir, "postgres"), "max_connections=200", "wal_level=logical", "max_replication_slots=50", "max_wal_senders=50"); err != nil {
		return w, err
	}
	return w, w.makeBase(ctx)
}

// makeBase makes the database base, and the data directory of its proxy.
func (w *world) makeBase(ctx context.Context) error {
	if err := w.postgres.Load(ctx, "postgres", "CREATE DATABASE base"); err != nil {
		return err
	}
	s := &site{world: w, dir: filepath.Join(w.dir, "base"), database: "base", store: "databackend"}
	if err := s.open(); err != nil {
		return err
	}
	defer s.close()
	if err := s.start(ctx); err != nil {
		return err
	}
	for _, sql := range base() {
		if _, err := s.query(ctx, sql); err != nil {
			return fmt.Errorf("%w\nin %s", err, sql)
		}
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.proxy.Stop()
}

func (w *world) close() error {
	var err error
	if w.postgres != nil {
		err = w.postgres.Stop()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// copyOfBase is a site that has what base has.
func (w *world) copyOfBase(ctx context.Context, name string) (*site, error) {
	s := &site{world: w, dir: filepath.Join(w.dir, name), database: name, store: "databackend"}
	if err := w.postgres.Load(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE base", name)); err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(s.dir, "data"), os.DirFS(filepath.Join(w.dir, "base", "data"))); err != nil {
		return nil, err
	}
	return s, s.open()
}

// site is a database with a proxy before it, which may be killed and started again.
type site struct {
	world         *world
	dir, database string
	// store is where the metadata are, as --metadata-store names it.
	store string
	relay *relay
	proxy *lab.Proxy
}

// open starts the relay.
func (s *site) open() error {
	u, err := url.Parse(s.world.postgres.URL(s.database))
	if err != nil {
		return err
	}
	s.relay, err = newRelay(u.Host)
	return err
}

// databackend is the database's URI, by way of the relay.
func (s *site) databackend() string {
	u, err := url.Parse(s.world.postgres.URL(s.database))
	if err != nil {
		panic(err) // it was parsed before
	}
	u.Host = s.relay.listener.Addr().String()
	return u.String()
}

// settings are those of the proxy; times are short, so that a test need not wait for them.
func (s *site) settings() []string {
	return []string{"--metadata-store", s.store, "--job-lease", "2s", "--job-poll-interval", "100ms", "--job-retry-delay", "100ms",
		"--listener-poll-interval", "50ms", "--vector-poll-interval", "100ms"}
}

func (s *site) start(ctx context.Context) (err error) {
	s.proxy, err = lab.StartProxy(ctx, s.world.bin, s.dir, s.databackend(), s.settings()...)
	return err
}

// close kills the proxy if there is one, ends the relay and removes everything.
func (s *site) close() {
	if s.proxy != nil {
		_ = s.proxy.Kill()
	}
	s.relay.close()
}

// remove closes the site and removes its database and files.
func (s *site) remove(ctx context.Context) error {
	s.close()
	return errors.Join(s.dropSlots(ctx), s.world.postgres.Load(ctx, "postgres", fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", s.database)), os.RemoveAll(s.dir))
}

// dropSlots drops the database's replication slots, which it could not be dropped with. Who read them may take a moment to end.
func (s *site) dropSlots(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		err := s.world.postgres.Load(ctx, "postgres", fmt.Sprintf("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '%[1]s' AND active_pid IS NOT NULL;"+
			"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '%[1]s'", s.database))
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// query runs one statement through the proxy and gives the rows as text.
func (s *site) query(ctx context.Context, sql string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	to, err := s.proxy.URL()
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.Connect(ctx, to)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, result := range results {
		for _, row := range result.Rows {
			values := make([]string, len(row))
			for i, v := range row {
				values[i] = string(v)
			}
			lines = append(lines, strings.Join(values, "|"))
		}
	}
	return lines, nil
}

// state is what the checks say, and what there is at home. What is named by numbers that are drawn anew has N in their place.
func (s *site) state(ctx context.Context) (string, error) {
	var text strings.Builder
	for _, sql := range checks() {
		fmt.Fprintln(&text, "==", sql)
		lines, err := s.query(ctx, sql)
		var raised *pgconn.PgError
		switch {
		case errors.As(err, &raised):
			fmt.Fprintln(&text, raised.Code)
		case err != nil:
			return "", err
		}
		for _, line := range lines {
			fmt.Fprintln(&text, line)
		}
	}
	conn, err := pgx.Connect(ctx, s.world.postgres.URL(s.database))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	things, err := things(ctx, conn)
	return text.String() + "== at home\n" + strings.Join(things, "\n"), err
}

// things are what there is at home: tables, triggers, functions, replication slots and what is published, with N for the numbers that the proxy gives them.
func things(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT c.relkind::text || ' ' || n.nspname || '.' || regexp_replace(c.relname, '[0-9]+', 'N', 'g') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname !~ '^(pg_|information_schema|pinnacle$)'
		UNION ALL SELECT 'trigger ' || tgrelid::regclass || '.' || regexp_replace(tgname, '[0-9]+', 'N', 'g') FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'slot ' || regexp_replace(slot_name, '[0-9]+', 'N', 'g') FROM pg_replication_slots WHERE database = current_database()
		UNION ALL SELECT 'published ' || tablename FROM pg_publication_tables
		UNION ALL SELECT 'publication ' || pubname FROM pg_publication
		UNION ALL SELECT 'function ' || regexp_replace(proname, '[0-9]+', 'N', 'g') FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema|pinnacle$)'
		ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// settle waits until no job is left and all listeners and indexes are done.
func (s *site) settle(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		left, err := s.query(ctx, `SELECT 'job ' || id || ' ' || kind || ' ' || component || ' ' || state FROM pinnacle.jobs WHERE state IN ('pending', 'running')
			UNION ALL SELECT 'listener ' || name || ' ' || state || ' ' || coalesce(error, '') FROM pinnacle.listeners WHERE state <> 'fresh'
			UNION ALL SELECT 'index ' || name || ' ' || state || ' ' || coalesce(error, '') FROM pinnacle.vector_index_stats WHERE state <> 'ready'`)
		if err == nil && len(left) == 0 {
			return nil
		}
		if s.proxy.Ended() {
			return errors.New("the proxy has ended")
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s there is still: %s %w\n%s", patience, strings.Join(left, "; "), err, s.proxy.Tail(20))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// reconcile settles, has what nothing refers to collected, and waits for a state that is one of those wanted: an index follows what it
// sees of its table a moment later.
func (s *site) reconcile(ctx context.Context, wanted ...string) (string, error) {
	deadline := time.Now().Add(patience)
	if err := s.settle(ctx); err != nil {
		return "", err
	}
	if err := s.verify(ctx); err != nil {
		return "", err
	}
	for {
		if err := s.settle(ctx); err != nil {
			return "", err
		}
		got, err := s.state(ctx)
		if err != nil {
			return "", err
		}
		for _, w := range wanted {
			if got == w {
				return got, nil
			}
		}
		if len(wanted) == 0 {
			return got, nil
		}
		if time.Now().After(deadline) {
			complaints := []string{"the state is neither of those that may be"}
			for _, w := range wanted {
				complaints = append(complaints, difference(got, w))
			}
			return "", errors.New(strings.Join(complaints, "\n-- and\n"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// difference has the lines that two texts do not share, with the heading that they stand under.
func difference(got, want string) string {
	in := map[string]int{}
	for line := range strings.Lines(want) {
		in[line]++
	}
	var out strings.Builder
	heading := ""
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "==") {
			heading = line
		}
		if in[line]--; in[line] < 0 {
			fmt.Fprintf(&out, "%s  is there: %.300s\n", heading, line)
		}
	}
	for line, n := range in {
		if n > 0 {
			fmt.Fprintf(&out, "  is missing: %.300s\n", line)
		}
	}
	return out.String()
}

// eachArtifact calls each for the files of the artifact store.
func (s *site) eachArtifact(each func(path string) error) error {
	return filepath.WalkDir(filepath.Join(s.dir, "data", "artifacts"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || len(entry.Name()) != 64 {
			return err
		}
		return each(path)
	})
}

// verify collects artifacts that nothing refers to, as if they were put long ago, and has those that are left read.
func (s *site) verify(ctx context.Context) error {
	long := time.Now().Add(-time.Hour)
	if err := s.eachArtifact(func(path string) error { return os.Chtimes(path, long, long) }); err != nil {
		return err
	}
	for _, command := range [][]string{{"gc", "--grace", "0s"}, {"verify"}} {
		line := append(command, "--data-dir", filepath.Join(s.dir, "data"), "--databackend", s.databackend(), "--metadata-store", s.store)
		cmd := exec.CommandContext(ctx, s.world.bin, line...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PINNACLE_") })
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command[0], err, out)
		}
	}
	lines, err := s.query(ctx, "SELECT digest FROM pinnacle.artifacts")
	if err != nil {
		return err
	}
	files := 0
	err = s.eachArtifact(func(string) error {
		files++
		return nil
	})
	if err == nil && files != len(lines) {
		err = fmt.Errorf("%d artifacts are stored, %d are known", files, len(lines))
	}
	return err
}
