package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/uptrace/bun/dialect/mysqldialect"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// connectMySQL opens a MySQL or MariaDB: mysql://user@host:port/database, with the parameters of go-sql-driver/mysql
// (tls=true, timeout=5s).
func connectMySQL(uri string) (*engine, *sql.DB, error) {
	u, database, err := parseURI(uri)
	if err != nil {
		return nil, nil, err
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "3306")
	}
	config, err := mysql.ParseDSN(fmt.Sprintf("tcp(%s)/%s?%s", host, database, u.RawQuery))
	if err != nil {
		return nil, nil, invalidURI("its parameters cannot be read")
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Collation = "utf8mb4_bin"
	config.MaxAllowedPacket = 0 // as the server has it
	config.Logger = mysqlLogger{}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["innodb_lock_wait_timeout"] = "10"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, nil, invalidURI("its parameters cannot be used")
	}
	e := mysqlEngine()
	e.where = place(u)
	return e, sql.OpenDB(connector), nil
}

// mysqlLogger drops what the driver would print on standard error: its errors come back as errors too.
type mysqlLogger struct{}

// Print implements mysql.Logger.
func (mysqlLogger) Print(v ...any) { slog.Debug("metadata store", "mysql", fmt.Sprint(v...)) }

// mysqlEngine is MySQL without a server. Text in MySQL is compared by a language's rules and without trailing blanks, so
// keys are bytes.
func mysqlEngine() *engine {
	return &engine{
		dialect:     mysqldialect.New(),
		types:       columnTypes{space: "VARBINARY(32)", key: fmt.Sprintf("VARBINARY(%d)", keyvalue.MaxKeyBytes), value: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		placeholder: func(int) string { return "?" },
		upsert:      onDuplicate, viewIsolation: sql.LevelRepeatableRead, prepare: true,
		check: mysqlCheck, explain: explainMySQL, bindKey: func(key string) any { return []byte(key) },
	}
}

// mysqlCheck refuses a server whose tables would not be transactional, and one that takes less than a value at a time.
func mysqlCheck(ctx context.Context, db *sql.DB) error {
	var engine string
	var packet int64
	if err := db.QueryRowContext(ctx, "SELECT @@default_storage_engine, @@max_allowed_packet").Scan(&engine, &packet); err != nil {
		return err
	}
	if !strings.EqualFold(engine, "InnoDB") {
		return &keyvalue.Error{Code: "22023", Message: fmt.Sprintf("the storage engine of the metadata store's database is %s; it has to be InnoDB", engine)}
	}
	if packet <= keyvalue.MaxValueBytes {
		return &keyvalue.Error{Code: "22023", Message: fmt.Sprintf("max_allowed_packet of the metadata store's server is %d; it has to be more than %d", packet, keyvalue.MaxValueBytes),
			Hint: "Set max_allowed_packet to 64M in the server's configuration."}
	}
	return nil
}

// Error numbers of MySQL (MySQL error reference) and MariaDB.
const (
	mysqlDiskFull       = 1021
	mysqlChanged        = 1020 // MariaDB: a record has changed since it was read
	mysqlDBDenied       = 1044
	mysqlAccessDenied   = 1045
	mysqlRecordFull     = 1114
	mysqlTableDenied    = 1142
	mysqlPacketTooLarge = 1153
	mysqlLockTimeout    = 1205
	mysqlDeadlock       = 1213
	mysqlTableChanged   = 1412
)

// explainMySQL reads MySQL's error numbers.
func explainMySQL(err error) reason {
	var own *keyvalue.Error
	var server *mysql.MySQLError
	var network net.Error
	switch {
	case errors.As(err, &own):
		return reason{code: own.Code, hint: own.Hint}
	case errors.Is(err, mysql.ErrPktTooLarge):
		return reason{code: "54000", hint: "Raise max_allowed_packet of the server."}
	case errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network):
		return reason{code: "08006", hint: "Look whether the server runs and can be reached."}
	case !errors.As(err, &server):
		return reason{}
	}
	switch server.Number {
	case mysqlDeadlock, mysqlLockTimeout, mysqlChanged, mysqlTableChanged:
		return reason{collision: true, code: "40001"}
	case mysqlDBDenied, mysqlTableDenied:
		return reason{code: "42501", hint: "Grant CREATE, SELECT, INSERT, UPDATE and DELETE on the database to the user of --metadata-store, or name another store."}
	case mysqlAccessDenied:
		return reason{code: "28000"}
	case mysqlDiskFull, mysqlRecordFull:
		return reason{code: "53100", hint: "Free space there, or drop models and artifacts that are not needed."}
	case mysqlPacketTooLarge:
		return reason{code: "54000", hint: "Raise max_allowed_packet of the server."}
	default:
		return reason{code: "58030"}
	}
}
