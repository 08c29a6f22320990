package mongodb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// MongoDB's error codes with the SQLSTATEs of what they say (error_codes.yml of its sources).
var sqlStates = map[int]string{
	13: "42501", 18: "28000", 20: "0A000", 26: "42P01", 48: "42P07", 67: "0A000", 68: "42P07", 85: "42P07", 86: "42P07", 72: "0A000",
	50: "57014", 11601: "57014", 112: "40001", 251: "40001", 263: "0A000", 292: "53200", 16945: "53200",
	14031: "53100", 10334: "54000", 17280: "54000", 17419: "54000", 121: "23514", 211: "08006", 11600: "57P01", 91: "57P01", 66: "0A000",
}

// Codes that are looked for, and labels of MongoDB's (specification of transactions).
const (
	conversionFailure = 241
	duplicateKey      = 11000
	failedValidation  = 121
	namespaceExists   = 48
	transientLabel    = "TransientTransactionError"
	unknownDoneLabel  = "UnknownTransactionCommitResult"
)

// misfitMark begins what a guard makes the server complain of: the mark, a field, the type that was found.
const misfitMark = "pinnacle misfit: "

// misfitText finds it in a message of the server's.
var misfitText = regexp.MustCompile(misfitMark + `(\S+) (\S*) (\w+)`)

// duplicateIndex finds the index in the message of a duplicate key (E11000).
var duplicateIndex = regexp.MustCompile(`index: (\S+)`)

// hasLabel says whether an error has one of the labels by which the server says what may be tried again.
func hasLabel(err error, label string) bool {
	var labeled mongo.LabeledError
	return errors.As(err, &labeled) && labeled.HasErrorLabel(label)
}

// hasCode says whether an error is the server's with a code.
func hasCode(err error, code int) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}

// failed is the error that a client gets for one of the driver's. in is the collection, nil where there is none.
func (e *engine) failed(ctx context.Context, in *collection, err error) error {
	var own *backend.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: ctx.Err()}
	}
	own = &backend.Error{Code: "HV000", Message: "MongoDB refuses the statement", Detail: e.said(err), Err: err}
	if in != nil {
		own.Table, own.Schema = in.name, schemaName
	}
	if mongo.IsNetworkError(err) || mongo.IsTimeout(err) || unanswered(err) || errors.Is(err, mongo.ErrClientDisconnected) || strings.Contains(err.Error(), "server selection error") {
		own.Code, own.Message, own.Lost = "08006", "the connection to MongoDB is lost", true
		own.Hint = "Look whether the server runs and can be reached."
		return own
	}
	if hasLabel(err, transientLabel) {
		own.Code, own.Message = "40001", "could not serialize access due to concurrent update"
		return own
	}
	for code, state := range sqlStates {
		if hasCode(err, code) {
			own.Code = state
		}
	}
	switch {
	case hasCode(err, duplicateKey):
		in.duplicate(own, err)
	case hasCode(err, failedValidation):
		own.Message = "a new document violates the validator of the collection"
	case hasCode(err, conversionFailure):
		e.guarded(own, err)
	case own.Code == "57014":
		own.Message = "canceling statement due to user request"
	}
	return own
}

// unanswered says whether an error that asks for another try is the driver's own, as that of a connection that was ended because
// another one was lost: those of the server have a code.
func unanswered(err error) bool {
	var command mongo.CommandError
	return hasLabel(err, transientLabel) && (!errors.As(err, &command) || command.Code == 0)
}

// said is an error in the server's own words, without the text of the command.
func (e *engine) said(err error) string {
	var command mongo.CommandError
	if errors.As(err, &command) {
		return fmt.Sprintf("%s (%s)", command.Message, command.Name)
	}
	return err.Error()
}

// duplicate fills in the error for a value that a unique index has already.
func (c *collection) duplicate(own *backend.Error, err error) {
	own.Code, own.Message = "23505", "duplicate key value violates unique constraint"
	found := duplicateIndex.FindStringSubmatch(err.Error())
	if c == nil || found == nil {
		return
	}
	own.Constraint = c.constraintOf(found[1])
	own.Message = fmt.Sprintf("duplicate key value violates unique constraint %q", own.Constraint)
}

// constraintOf is the name by which clients know a unique index.
func (c *collection) constraintOf(index string) string {
	for _, u := range c.uniques {
		if u.name == index {
			return u.constraint
		}
	}
	return index
}

// guarded fills in the error that a guard in a pipeline has made the server raise.
func (e *engine) guarded(own *backend.Error, err error) {
	if found := misfitText.FindStringSubmatch(err.Error()); found != nil {
		*own = *misfit(found[1], found[2], found[3])
		return
	}
	if strings.Contains(err.Error(), outOfRangeMark) {
		own.Code, own.Message = "22003", "the result is out of the range of its type"
	}
}

// misfit is the error for a document that does not fit a column.
func misfit(collection, field, found string) *backend.Error {
	return &backend.Error{
		Code:    "HV004",
		Message: fmt.Sprintf("a document of the collection %q does not fit the type of the column %q", collection, field),
		Detail:  fmt.Sprintf("The field %s has a value of MongoDB's type %s there.", field, found),
		Hint: fmt.Sprintf("SELECT pinnacle.refresh() reads the types again; or declare the column in the file that the URI's option %s names: "+
			"{collections: {%s: {columns: {%s: jsonb}}}}. The whole document is in the column _document.", schemaOption, collection, field),
		Table: collection, Schema: schemaName, Column: field,
	}
}

// typeNames are the names of BSON's types, as $type says them.
var typeNames = map[bson.Type]string{
	bson.TypeDouble: "double", bson.TypeString: "string", bson.TypeEmbeddedDocument: "object", bson.TypeArray: "array", bson.TypeBinary: "binData",
	bson.TypeUndefined: "undefined", bson.TypeObjectID: "objectId", bson.TypeBoolean: "bool", bson.TypeDateTime: "date", bson.TypeNull: "null",
	bson.TypeRegex: "regex", bson.TypeDBPointer: "dbPointer", bson.TypeJavaScript: "javascript", bson.TypeSymbol: "symbol",
	bson.TypeCodeWithScope: "javascriptWithScope", bson.TypeInt32: "int", bson.TypeTimestamp: "timestamp", bson.TypeInt64: "long",
	bson.TypeDecimal128: "decimal", bson.TypeMinKey: "minKey", bson.TypeMaxKey: "maxKey",
}
