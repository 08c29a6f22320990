package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Error numbers that the package itself acts on (MySQL 8.0 Error Message Reference, MariaDB Error Codes).
const (
	errDuplicate   = 1062
	errLockTimeout = 1205
	errDeadlock    = 1213
	errInterrupted = 1317
	errChanged     = 1020 // MariaDB: a record has changed since the snapshot
)

// numberOf is the number of a server's error; 0 where err is none.
func numberOf(err error) uint16 {
	var server *driverpkg.MySQLError
	if errors.As(err, &server) {
		return server.Number
	}
	return 0
}

// state is what one error number means to a client.
type state struct {
	code, message string
	// find has the groups column, constraint and table, which the error's text names.
	find *regexp.Regexp
}

// states are the error numbers with a meaning of their own.
func states(number uint16) (state, bool) {
	re := regexp.MustCompile
	switch number {
	case errDuplicate, 1586, 1022, 1169, 1859, 1761, 1762:
		return state{"23505", "duplicate key value violates unique constraint", re(`for key '(?:[^'.]*\.)?(?P<constraint>[^']*)'`)}, true
	case 1048, 1263, 1364, 1121, 1171:
		return state{"23502", "null value violates a not-null constraint", re(`(?:Column|Field) '(?P<column>[^']*)'`)}, true
	case 1451, 1452, 1216, 1217, 1453, 1557:
		return state{"23503", "a foreign key constraint is violated", re("CONSTRAINT [`'\"](?P<constraint>[^`'\"]*)[`'\"]")}, true
	case 3819, 4025:
		return state{"23514", "a check constraint is violated", re("(?:constraint|CONSTRAINT) [`'](?:[^`'.]*[.])?(?P<constraint>[^`']*)[`']")}, true
	case 1264, 1690, 1916:
		return state{"22003", "value out of range", re(`column '(?P<column>[^']*)'`)}, true
	case 1406:
		return state{"22001", "value too long", re(`column '(?P<column>[^']*)'`)}, true
	case 1292, 1525:
		return state{"22007", "invalid value", re(`(?:column|for column) [^']*'?(?P<column>[^' ]*)'? at row`)}, true
	case 1265, 1366, 1411, 3140, 3141, 4037:
		return state{"22P02", "invalid value", re(`column [^']*'?(?P<column>[^' ]*)'? at row`)}, true
	case 1365:
		return state{code: "22012", message: "division by zero"}, true
	case errLockTimeout:
		return state{code: "55P03", message: "canceling statement due to lock timeout"}, true
	case 3572:
		return state{code: "55P03", message: "could not obtain lock"}, true
	case errDeadlock:
		return state{code: "40P01", message: "deadlock detected"}, true
	case errChanged:
		return state{code: "40001", message: "could not serialize access due to concurrent update"}, true
	case 1412:
		return state{code: "40001", message: "the definition of a table has changed since the transaction began"}, true
	case errInterrupted, 1969, 3024:
		return state{code: "57014", message: "canceling statement due to user request"}, true
	case 1792:
		return state{code: "25006", message: "cannot change data in a read-only transaction"}, true
	case 1290, 1036, 3100, 1836:
		return state{code: "25006", message: "the databackend does not allow changes"}, true
	}
	return structural(number)
}

// structural are the error numbers about the schema, rights and resources.
func structural(number uint16) (state, bool) {
	switch number {
	case 1146, 1051, 1932:
		return state{code: "42P01", message: "the relation does not exist at the databackend"}, true
	case 1054, 1091:
		return state{code: "42703", message: "the column does not exist at the databackend"}, true
	case 1050:
		return state{code: "42P07", message: "the relation already exists at the databackend"}, true
	case 1060:
		return state{code: "42701", message: "the column already exists at the databackend"}, true
	case 1061, 1826:
		return state{code: "42P07", message: "the name is already taken at the databackend"}, true
	case 1007:
		return state{code: "42P06", message: "the schema already exists at the databackend"}, true
	case 1049, 1008:
		return state{code: "3F000", message: "the database does not exist at the databackend"}, true
	case 1044, 1142, 1143, 1227, 1370, 1345, 1410:
		return state{code: "42501", message: "permission denied at the databackend"}, true
	case 1045, 1698, 1862, 1820:
		return state{code: "28000", message: "the databackend refused the user of its URI"}, true
	case 1203, 1040, 1226:
		return state{code: "53300", message: "the databackend has too many connections"}, true
	case 1021, 1114, 3675:
		return state{code: "53100", message: "the databackend's disk is full"}, true
	case 1037, 1038, 1041, 5:
		return state{code: "53200", message: "the databackend is out of memory"}, true
	case 1153, 1301:
		return state{code: "54000", message: "a value is larger than max_allowed_packet of the databackend"}, true
	case 1053, 1077, 1079, 1927, 3169:
		return state{code: "57P01", message: "the databackend ended the connection"}, true
	case 1118, 1139, 1074, 1117, 1071:
		return state{code: "54000", message: "a limit of the databackend is exceeded"}, true
	case 1305:
		return state{code: "3B001", message: "the savepoint does not exist"}, true
	}
	return state{}, false
}

// explain makes a *backend.Error of any error; nil stays nil, and errors that already are pass.
func explain(err error) error {
	var own *backend.Error
	var server *driverpkg.MySQLError
	var network net.Error
	var found *dialect.ValueError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return err
	case errors.As(err, &found):
		return &backend.Error{Code: found.Code, Message: found.Message, Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: err}
	case errors.Is(err, driverpkg.ErrPktTooLarge):
		return &backend.Error{Code: "54000", Message: "a value is larger than max_allowed_packet of the databackend", Err: err}
	case errors.As(err, &server):
		return explained(server)
	case errors.Is(err, driverpkg.ErrInvalidConn), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &network):
		return &backend.Error{Code: "08006", Message: "lost the connection to the databackend", Detail: err.Error(),
			Hint: "Look whether the server runs and can be reached.", Lost: true, Err: err}
	}
	return &backend.Error{Code: "58000", Message: "the databackend failed", Detail: err.Error(), Err: err}
}

// explained reads an error of the server.
func explained(e *driverpkg.MySQLError) *backend.Error {
	s, ok := states(e.Number)
	if !ok {
		s = state{code: "58000", message: "the databackend failed"}
		if class := string(e.SQLState[:]); class == "42000" {
			s.code = "42601"
		}
	}
	out := &backend.Error{Code: s.code, Message: s.message, Detail: e.Message, Err: e}
	switch s.code {
	case "57P01":
		out.Lost = true
	case "53300":
		out.Hint = "Raise max_connections there, or open fewer sessions here."
	case "42P01", "42703":
		out.Hint = "SELECT pinnacle.refresh() reads the databackend's schema again."
	}
	if e.Number == 1292 && strings.HasPrefix(e.Message, "Incorrect date") {
		out.Code, out.Message = "22008", "date or timestamp out of range for the databackend" // its form is PostgreSQL's own
	}
	if s.find == nil {
		return out
	}
	if m := s.find.FindStringSubmatch(e.Message); m != nil {
		if i := s.find.SubexpIndex("constraint"); i > 0 {
			out.Constraint = m[i]
			out.Message = strings.TrimSuffix(out.Message, " is violated") + violates(out.Message) + ` "` + m[i] + `"`
		}
		if i := s.find.SubexpIndex("column"); i > 0 {
			out.Column = m[i]
		}
	}
	if s.code == "23502" && out.Column != "" {
		out.Message = `null value in column "` + out.Column + `" violates not-null constraint`
	}
	return out
}

// violates puts back the word that a message with a name needs.
func violates(message string) string {
	if strings.HasSuffix(message, " is violated") {
		return " is violated:"
	}
	return ""
}
