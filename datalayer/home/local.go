package home

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// reservedConnections are the sessions of the local PostgreSQL that are kept for the proxy itself.
const reservedConnections = 5

// LocalConfig says where and how the local PostgreSQL runs.
type LocalConfig struct {
	// Lock is the data directory, held.
	Lock *DirectoryLock
	// BinDir holds PostgreSQL's programs; "" searches the machine.
	BinDir string
	// Fetch says when PostgreSQL is fetched; "" is FetchAuto.
	Fetch FetchMode
	// Prefer is the oldest major version that is as good as any for a new cluster: where the machine has only older ones, a
	// newer one is fetched if it can be. 0 takes what there is.
	Prefer int
	// Repository is the Maven repository to fetch from; "" is the library's own.
	Repository string
	// ListenAddress is where clients reach the proxy, host:port; it goes into the password file.
	ListenAddress string
	// MaxConnections is how many sessions clients may have; 0 means 100.
	MaxConnections int
	// SharedBuffers is PostgreSQL's shared_buffers in bytes; 0 means 128 MiB.
	SharedBuffers int64
	// Settings are further settings of the server, as name=value. They cannot override those that keep it private.
	Settings []string
	// Logger takes the server's log too.
	Logger *slog.Logger
}

// Local is the PostgreSQL that the proxy starts and owns. Clients log in as user pinnacle to database pinnacle, with
// the password in the data directory's password file.
type Local struct {
	logger *slog.Logger
	as     account
	bins   Binaries
	data   string
	socket string
	args   []string
	health *pgconn.Config

	mu   sync.Mutex
	down error

	closing sync.Once
	// running ends, by end, when Close is called; stopCtx is set by then. stopped is closed when the server is gone.
	running context.Context
	end     context.CancelFunc
	stopCtx context.Context
	stopped chan struct{}
}

// StartLocal makes the local PostgreSQL ready: it finds or fetches the programs, makes the cluster if there is none, ends
// what an earlier proxy left running, starts the server and waits until it takes sessions or ctx ends. It then
// watches it, and starts it again when it ends by itself.
func StartLocal(ctx context.Context, c LocalConfig) (*Local, error) {
	l := &Local{logger: c.Logger, stopped: make(chan struct{})}
	dir, err := l.locate(c)
	if err != nil {
		return nil, err
	}
	major, err := clusterMajor(l.data)
	if err != nil {
		return nil, err
	}
	if l.bins, err = l.choose(ctx, c, dir, major); err != nil {
		return nil, err
	}
	if err := clearStale(ctx, l.data, l.logger); err != nil {
		return nil, err
	}
	s, err := l.prepare(ctx, c, dir, major == 0)
	if err != nil {
		return nil, err
	}
	if l.socket, err = socketDirectory(dir, l.as); err != nil {
		return nil, &Error{Code: codeIO, Message: "the local PostgreSQL's socket directory cannot be made", Err: err}
	}
	l.args = serverArguments(c, l.data, l.socket)
	if l.health, err = pgconn.ParseConfig(fmt.Sprintf("host='%s' port=%d user=%s dbname=postgres sslmode=disable application_name='pinnacle-proxy health'",
		quoteKeyword(l.socket), socketPort, superuser)); err != nil {
		return nil, err
	}
	l.health.Password = s.superuser
	run, err := l.launch(ctx)
	if err != nil {
		return nil, err
	}
	l.running, l.end = context.WithCancel(context.Background())
	go l.supervise(run)
	l.logger.Info("the local PostgreSQL is ready", "version", l.bins.Version, "programs", l.bins.Dir, "data", l.data, "user", l.as.name, "pid", run.pid())
	return l, nil
}

// locate finds the account and the directory of the local PostgreSQL.
func (l *Local) locate(c LocalConfig) (dir string, err error) {
	link := filepath.Join(c.Lock.Dir(), "postgres")
	if l.as, err = chooseAccount(filepath.Join(link, clusterName)); err != nil {
		return "", err
	}
	dir, moved, err := place(c.Lock.Dir(), l.as)
	if err != nil {
		return "", err
	}
	if moved {
		l.logger.Warn("the data directory is closed to the user that the local PostgreSQL runs as; its files are elsewhere, linked from there",
			"user", l.as.name, "link", link, "files", dir)
	}
	l.data = filepath.Join(dir, clusterName)
	return dir, removeAll(dir, initPrefix+"*")
}

// choose picks the newest programs, or, where there is a cluster, the newest of its major version; it fetches them where
// the machine has none.
func (l *Local) choose(ctx context.Context, c LocalConfig, dir string, major int) (Binaries, error) {
	found := search(ctx, l.as, dir, c.BinDir, c.Fetch)
	have, ok := found.newest(major)
	if ok && (major != 0 || have.Major >= c.Prefer || c.BinDir != "" || c.Fetch == FetchNever) {
		return have, nil
	}
	if ok {
		newer, err := l.fetch(ctx, c, dir, 0, found)
		if err != nil && ctx.Err() == nil {
			l.logger.Warn("a newer PostgreSQL, which would hand more work to the databackend, cannot be fetched", "reason", err, "version", have.Version)
			return have, nil
		}
		return newer, err
	}
	return l.fetch(ctx, c, dir, major, found)
}

// fetch brings the programs of a major version, 0 for the newest, unless the settings forbid it. found is what the machine
// has.
func (l *Local) fetch(ctx context.Context, c LocalConfig, dir string, major int, found Search) (Binaries, error) {
	version, can := fetchable(major)
	if c.BinDir != "" || c.Fetch == FetchNever || !can {
		return Binaries{}, noBinaries(found, major, l.data)
	}
	l.logger.Info("fetching PostgreSQL", "version", string(version))
	bin, err := fetchBinaries(ctx, dir, c.Repository, version)
	if err != nil {
		return Binaries{}, err
	}
	fetched := findBinaries(ctx, l.as, bin, nil)
	if len(fetched.Usable) == 0 {
		return Binaries{}, noBinaries(fetched, major, l.data)
	}
	return fetched.Usable[0], nil
}

// noBinaries is the error about a machine without programs for the cluster.
func noBinaries(found Search, major int, data string) error {
	e := &Error{Code: codeSystem, Message: "no PostgreSQL was found that could be the local one",
		Detail: strings.Join(found.Refused, "\n"),
		Hint:   fmt.Sprintf("Install PostgreSQL %d or newer, name the directory of its programs with --postgres-bin-dir, or let it be fetched with --postgres-fetch auto.", MinMajor)}
	if major != 0 {
		e.Message = fmt.Sprintf("the data in %s was made by PostgreSQL %d, and no PostgreSQL %d was found", data, major, major)
		var have []string
		for _, b := range found.Usable {
			have = append(have, "found version "+b.Version+" in "+b.Dir)
		}
		e.Detail = strings.Join(append(have, found.Refused...), "\n")
		e.Hint = fmt.Sprintf("Install PostgreSQL %d beside the other; or dump the data with it, and restore into an empty --data-dir.", major)
	}
	return e
}

// prepare sees to the cluster and the passwords.
func (l *Local) prepare(ctx context.Context, c LocalConfig, dir string, create bool) (secrets, error) {
	s, err := loadSecrets(c.Lock.Dir())
	if err != nil {
		return s, err
	}
	switch {
	case create:
		l.logger.Info("making the local PostgreSQL's database", "version", l.bins.Version, "data", l.data)
		err = createCluster(ctx, dir, l.as, l.bins, s)
	case s.fresh:
		l.logger.Warn("a password file was missing; new passwords are set")
		err = setPasswords(ctx, l.data, l.as, l.bins, s)
	}
	if err != nil {
		return s, err
	}
	return s, s.save(c.Lock.Dir(), c.ListenAddress)
}

// serverArguments are the postmaster's. What is given here overrides the configuration files and ALTER SYSTEM. What
// clients do wrong is told to them and not logged, since it may quote their data (log_min_messages = log leaves out ERROR).
func serverArguments(c LocalConfig, data, socket string) []string {
	connections, buffers := c.MaxConnections, c.SharedBuffers
	if connections == 0 {
		connections = 100
	}
	if buffers == 0 {
		buffers = 128 << 20
	}
	settings := append([]string{
		"max_connections=" + strconv.Itoa(connections+reservedConnections),
		"shared_buffers=" + strconv.FormatInt(buffers>>10, 10) + "kB",
		"cluster_name=pinnacle",
	}, c.Settings...)
	settings = append(settings,
		"superuser_reserved_connections="+strconv.Itoa(reservedConnections),
		"hba_file="+filepath.Join(data, "pg_hba.conf"), "listen_addresses=", "port="+strconv.Itoa(socketPort),
		"unix_socket_directories="+quoteList(socket), "unix_socket_permissions=0700",
		"logging_collector=off", "log_destination=stderr", "log_line_prefix=", "log_min_messages=log",
		"log_min_error_statement=panic", "log_error_verbosity=terse", "log_statement=none",
		"log_min_duration_statement=-1")
	args := []string{"-D", data}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

// quoteList quotes a path for a setting that is a comma-separated list.
func quoteList(path string) string { return `"` + strings.ReplaceAll(path, `"`, `""`) + `"` }

// quoteKeyword escapes a value for a keyword/value connection string, between single quotes.
func quoteKeyword(s string) string { return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) }

// Dial connects to the server's socket; while the server is down it fails at once with 57P03. TLS is never up: the
// socket is private.
func (l *Local) Dial(ctx context.Context) (net.Conn, bool, error) {
	if err := l.status(); err != nil {
		return nil, false, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(l.socket, socketName))
	if err != nil {
		return nil, false, &Error{Code: codeCannotConnectNow, Message: "the local PostgreSQL cannot be reached", Err: err,
			Hint: "It may be starting again; try again in a moment. The proxy's log tells why."}
	}
	return conn, false, nil
}

// DialPeer is Dial: there is one server.
func (l *Local) DialPeer(ctx context.Context, _ net.Conn) (net.Conn, bool, error) { return l.Dial(ctx) }

// Healthy logs in as the proxy's own role.
func (l *Local) Healthy(ctx context.Context) error {
	if err := l.status(); err != nil {
		return err
	}
	return login(ctx, l.health)
}

// Account is the user that clients log in as, and its database.
func (l *Local) Account() (user, database string) { return User, User }

// Superuser says how the proxy itself logs in to one of the databases, past clients' passwords and rights.
func (l *Local) Superuser(database string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(fmt.Sprintf("host='%s' port=%d user=%s dbname='%s' sslmode=disable application_name='pinnacle-proxy'",
		quoteKeyword(l.socket), socketPort, superuser, quoteKeyword(database)))
	if err != nil {
		return nil, err
	}
	c.Password = l.health.Password
	return c, nil
}

// Neighbour is a directory that only the server's account and the proxy can enter, for sockets that the server connects
// to. What is made there is given to the account by Give.
func (l *Local) Neighbour() string { return l.socket }

// Give makes the server's account the owner of a file.
func (l *Local) Give(path string) error { return l.as.own(path) }

// UID is the user that the server runs as.
func (l *Local) UID() int { return l.as.uid }

// Describe names the server's version and data directory.
func (l *Local) Describe() string {
	return fmt.Sprintf("local PostgreSQL %s in %s", l.bins.Version, l.data)
}

// Close stops the server: fast until ctx ends, then at once. A later call waits for the end of the first one, or for its
// own ctx.
func (l *Local) Close(ctx context.Context) error {
	first := false
	l.closing.Do(func() {
		first = true
		l.stopCtx = ctx
		l.end()
	})
	if first {
		<-l.stopped
		return nil
	}
	select {
	case <-l.stopped:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
