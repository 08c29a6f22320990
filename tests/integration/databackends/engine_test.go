package databackends

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver of another program at the server
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// asError is errors.As under a name that reads.
func asError[E error](err error, target *E) bool { return errors.As(err, target) }

// The tables that every server has: big has rows of wide bytes each, about 40 MB, so that no buffers between the server and a
// client hold them all; small has smallRows rows. Both have the columns id, the key, n, which is the same number, and s.
const smallRows = 100

// size is that of big.
type size struct{ rows, wide int }

// engine is a server that a script starts.
type engine struct {
	name, script string
	// transactions says that it has some.
	transactions bool
	// big is the size of the table.
	big  size
	uri  func(port int) string
	load func(ctx context.Context, port int, big size) error
	// count counts the rows of small past the proxy.
	count func(ctx context.Context, port int) (int64, error)
	// alter changes the schema past the proxy, in MariaDB's words; nil where there are no columns. spoil writes a text into small
	// where a number was.
	alter func(ctx context.Context, port int, sql string) error
	spoil string
}

// engines are the servers that can be had.
func engines() []*engine {
	return []*engine{
		{
			name: "mariadb", script: "mariadb", transactions: true, big: size{200_000, 200},
			uri: func(port int) string { return fmt.Sprintf("mysql://root@127.0.0.1:%d/common", port) },
			load: func(ctx context.Context, port int, big size) error {
				return tellMariaDB(ctx, port, "CREATE DATABASE common CHARACTER SET utf8mb4", "USE common",
					"CREATE TABLE big (id INT PRIMARY KEY, n INT NOT NULL, s TEXT)", "CREATE TABLE small (id INT PRIMARY KEY, n INT NOT NULL, s VARCHAR(300))",
					fmt.Sprintf("INSERT INTO big SELECT seq, seq, repeat('x', %d) FROM seq_1_to_%d", big.wide, big.rows),
					fmt.Sprintf("INSERT INTO small SELECT seq, seq, 'a' FROM seq_1_to_%d", smallRows))
			},
			count: func(ctx context.Context, port int) (n int64, err error) {
				db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/common", port))
				if err != nil {
					return 0, err
				}
				defer func() { err = errors.Join(err, db.Close()) }()
				return n, db.QueryRowContext(ctx, "SELECT count(*) FROM small").Scan(&n)
			},
			alter: func(ctx context.Context, port int, sql string) error {
				return tellMariaDB(ctx, port, "USE common", sql)
			},
			spoil: "UPDATE small SET n = 'nine' WHERE id = 9",
		},
		{
			name: "mongodb", script: "secantusdb", transactions: true, big: size{4_000, 10_000},
			uri: func(port int) string {
				return fmt.Sprintf("mongodb://127.0.0.1:%d/common?directConnection=true&serverSelectionTimeoutMS=5000", port)
			},
			load: loadMongoDB,
			count: func(ctx context.Context, port int) (n int64, err error) {
				err = withMongoDB(port, func(db *mongo.Database) error {
					n, err = db.Collection("small").CountDocuments(ctx, bson.D{})
					return err
				})
				return n, err
			},
		},
		{
			name: "clickhouse", script: "chdb", big: size{200_000, 200},
			uri: func(port int) string { return fmt.Sprintf("clickhouse://default@127.0.0.1:%d/common", port) },
			load: func(ctx context.Context, port int, big size) error {
				return tellClickHouse(ctx, port, "CREATE DATABASE common",
					"CREATE TABLE common.big (id Int32, n Int32, s String) ENGINE = MergeTree ORDER BY id", "CREATE TABLE common.small (id Int32, n Int32, s String) ENGINE = MergeTree ORDER BY id",
					fmt.Sprintf("INSERT INTO common.big SELECT number + 1, number + 1, repeat('x', %d) FROM numbers(%d)", big.wide, big.rows),
					fmt.Sprintf("INSERT INTO common.small SELECT number + 1, number + 1, 'a' FROM numbers(%d)", smallRows))
			},
			count: func(ctx context.Context, port int) (n int64, err error) {
				text, err := askClickHouse(ctx, port, "SELECT count() FROM common.small")
				if err == nil {
					_, err = fmt.Sscan(text, &n)
				}
				return n, err
			},
			alter: func(ctx context.Context, port int, sql string) error {
				sql = strings.NewReplacer("TABLE small", "TABLE common.small", "TABLE big", "TABLE common.big", "VARCHAR(300)", "String", "INT ", "Int32 ").Replace(sql)
				if strings.HasPrefix(sql, "ALTER") {
					sql += " SETTINGS mutations_sync = 2"
				}
				return tellClickHouse(ctx, port, sql)
			},
			spoil: "ALTER TABLE small UPDATE n = 'nine' WHERE id = 9",
		},
	}
}

// tellMariaDB runs statements on one session of the server's.
func tellMariaDB(ctx context.Context, port int, statements ...string) (err error) {
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w in %s", err, statement)
		}
	}
	return nil
}

// withMongoDB does something as another client of the server.
func withMongoDB(port int, do func(*mongo.Database) error) (err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(fmt.Sprintf("mongodb://127.0.0.1:%d/common", port)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Disconnect(context.Background())) }()
	return do(client.Database("common"))
}

// loadMongoDB makes the two collections, with validators that declare their columns.
func loadMongoDB(ctx context.Context, port int, big size) error {
	column := func(stored, shown string) bson.D {
		return bson.D{{Key: "bsonType", Value: stored}, {Key: "description", Value: "postgres: " + shown}}
	}
	schema := bson.D{{Key: "bsonType", Value: "object"}, {Key: "description", Value: "postgres: table"}, {Key: "additionalProperties", Value: false},
		{Key: "required", Value: bson.A{"id", "n", "s"}},
		{Key: "properties", Value: bson.D{{Key: "_id", Value: bson.D{}}, {Key: "id", Value: column("int", "integer")}, {Key: "n", Value: column("int", "integer")}, {Key: "s", Value: column("string", "text")}}}}
	return withMongoDB(port, func(db *mongo.Database) error {
		for name, rows := range map[string]size{"big": big, "small": {smallRows, 1}} {
			if err := db.CreateCollection(ctx, name, options.CreateCollection().SetValidator(bson.D{{Key: "$jsonSchema", Value: schema}})); err != nil {
				return err
			}
			index := mongo.IndexModel{Keys: bson.D{{Key: "id", Value: 1}}, Options: options.Index().SetName(name + "_pkey").SetUnique(true)}
			if _, err := db.Collection(name).Indexes().CreateOne(ctx, index); err != nil {
				return err
			}
			var batch []any
			for i := 1; i <= rows.rows; i++ {
				batch = append(batch, bson.D{{Key: "id", Value: int32(i)}, {Key: "n", Value: int32(i)}, {Key: "s", Value: strings.Repeat("x", rows.wide)}})
				if len(batch) == 1000 || i == rows.rows {
					if _, err := db.Collection(name).InsertMany(ctx, batch); err != nil {
						return err
					}
					batch = batch[:0]
				}
			}
		}
		return nil
	})
}

// askClickHouse runs one statement and gives what it prints.
func askClickHouse(ctx context.Context, port int, statement string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/", port), strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s in %.300s", text, statement)
	}
	return string(text), err
}

// tellClickHouse runs statements.
func tellClickHouse(ctx context.Context, port int, statements ...string) error {
	for _, statement := range statements {
		if _, err := askClickHouse(ctx, port, statement); err != nil {
			return err
		}
	}
	return nil
}

// bed is a server with the two tables, a network before it, and a proxy before that.
type bed struct {
	*engine
	server *lab.Script
	relay  *lab.Relay
	proxy  *lab.Proxy
}

// TestServers takes a server of each kind through all that may go wrong, in turn, with the same proxy.
func TestServers(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			b := e.start(t)
			t.Run("faults", b.faults)
			t.Run("silence", b.silence)
			t.Run("commit unknown", b.unknownCommit)
			t.Run("many clients", func(t *testing.T) { manyClients(t, b.proxy, b.transactions) })
			if b.name == "mariadb" { // it tells what it runs, and gives one result at a time
				t.Run("cancel", b.cancelled)
				t.Run("spool full", b.spoolIsFull)
				t.Run("definitions", func(t *testing.T) { definitions(t, connect(t, b.proxy), true) })
			}
			t.Run("schema", b.schemaChanged)
		})
	}
}

// start makes the bed, or skips the test where the server cannot be had.
func (e *engine) start(t *testing.T) *bed {
	t.Helper()
	if _, err := exec.LookPath("mariadbd"); e.name == "mariadb" && err != nil {
		t.Skip("there is no MariaDB on this machine")
	}
	dir := e.name
	b := &bed{engine: e}
	var err error
	if b.server, err = lab.StartScript(t.Context(), e.script, filepath.Join(place, dir)); err != nil {
		t.Skipf("no server: %v", err)
	}
	t.Cleanup(func() {
		if err := b.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := e.load(t.Context(), b.server.Port, e.big); err != nil {
		t.Fatal(err)
	}
	if b.relay, err = lab.StartRelay(b.server.Port); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.relay.Close(); err != nil {
			t.Error(err)
		}
	})
	b.proxy = startProxy(t, dir+"-proxy", e.uri(b.relay.Port()))
	return b
}

// rows counts small's rows at the server.
func (b *bed) rows(t *testing.T) int64 {
	t.Helper()
	n, err := b.count(t.Context(), b.server.Port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
