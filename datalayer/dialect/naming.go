package dialect

import (
	"crypto/sha256"
	"encoding/hex"
)

// The names by which the local PostgreSQL knows a databackend.
const (
	// ForeignServer is the server of postgres_fdw that leads to the databackend.
	ForeignServer = "pinnacle_databackend"
	// StateSchema holds what the proxy itself keeps in the local PostgreSQL about the mirrored tables.
	StateSchema = "pinnacle_foreign"
	// foreignPrefix begins the names of the schemas with the foreign tables.
	foreignPrefix = StateSchema + "_"
)

// maxName is the length of PostgreSQL's names, in bytes (NAMEDATALEN less one).
const maxName = 63

// ForeignSchema is the schema, in the local PostgreSQL, of the foreign tables behind the relations of a schema that
// clients name. Each has the relation's own name there, so that messages name the same relation. A name that would be too
// long for PostgreSQL ends in a digest.
func ForeignSchema(schema string) string {
	name := foreignPrefix + schema
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(schema))
	digest := hex.EncodeToString(sum[:8])
	return foreignPrefix + digest
}
