package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Codes and labels of MongoDB's errors (error_codes.yml of its sources; specification of transactions).
const (
	unauthorized     = 13
	authFailed       = 18
	namespaceExists  = 48
	writeConflict    = 112
	noSuchTx         = 251
	duplicateKey     = 11000
	outOfDiskSpace   = 14031
	objectTooLarge   = 10334
	transientLabel   = "TransientTransactionError"
	unknownDoneLabel = "UnknownTransactionCommitResult"
)

// hasCode says whether an error is the server's with one of some codes.
func hasCode(err error, codes ...int) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	for _, code := range codes {
		if server.HasErrorCode(code) {
			return true
		}
	}
	return false
}

// hasLabel says whether an error has one of the labels by which the server says what may be tried again.
func hasLabel(err error, label string) bool {
	var labeled mongo.LabeledError
	return errors.As(err, &labeled) && labeled.HasErrorLabel(label)
}

// lost says whether an error is one of the connection.
func lost(err error) bool {
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || errors.Is(err, mongo.ErrClientDisconnected)
}

// failed is the error for something that the database refused. doing completes "could not …". After ctx's end it is
// ctx's error.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &keyvalue.Error{
		Code:    "58030",
		Message: fmt.Sprintf("could not %s: %v", doing, err),
		Detail:  fmt.Sprintf("The metadata store is %s.", s.where),
		Err:     err,
	}
	switch {
	case hasCode(err, unauthorized):
		e.Code, e.Hint = "42501", "Grant the role readWrite on the database to the user of --metadata-store, or name another store."
	case hasCode(err, authFailed):
		e.Code = "28000"
	case hasCode(err, outOfDiskSpace):
		e.Code, e.Hint = "53100", "Free space there, or drop models and artifacts that are not needed."
	case hasCode(err, objectTooLarge):
		e.Code = "54000"
	case lost(err) || hasLabel(err, unknownDoneLabel):
		e.Code, e.Hint = "08006", "Look whether the server runs and can be reached."
	}
	return e
}
