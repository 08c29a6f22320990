package foreign

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Config is what a Server is made of.
type Config struct {
	// Engine is the databackend. The Server does not close it.
	Engine backend.Engine
	// Catalog gives the schema as it is shown now. A new state is another Catalog: compiled statements are kept as long as
	// the pointer stays the same.
	Catalog func() *dialect.Catalog
	// Finish gives sessions of the local PostgreSQL in which statements are finished that the engine cannot answer whole.
	// Its role needs no rights but to make temporary tables. They must not be sessions in which the proxy's own database
	// is reached through the foreign server.
	Finish *pgxpool.Pool
	// Directory is where results go that do not fit in memory; the files have no name while they are used. "" is the
	// directory for temporary files.
	Directory string
	// Memory is what one result that waits to be read keeps in memory, in bytes, before it goes on in a file; 0 means 4 MiB.
	Memory int64
	// SpoolBytes is what one result may have in a file; 0 means 16 GiB.
	SpoolBytes int64
	// Sessions is how many engine sessions are open at one time; 0 means 100. Transactions beyond it wait.
	Sessions int
	// Statements is how many compiled statements are kept; 0 means 4096.
	Statements int
	// MaxMessage is the longest message of postgres_fdw in bytes; 0 means PostgreSQL's own limit of 1 GiB less one.
	MaxMessage int
	// PeerUID is the user of the local PostgreSQL's processes: others are refused, where the system tells who connects.
	// Negative: anyone who can reach the socket.
	PeerUID int
	// Logger takes what is worth a line; never statements' values.
	Logger *slog.Logger
}

// withDefaults fills what is 0.
func (c Config) withDefaults() Config {
	if c.Memory == 0 {
		c.Memory = 4 << 20
	}
	if c.SpoolBytes == 0 {
		c.SpoolBytes = 16 << 30
	}
	if c.Sessions == 0 {
		c.Sessions = 100
	}
	if c.Statements == 0 {
		c.Statements = 4096
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1<<30 - 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
