// Package config is the proxy's settings: their names, defaults, units and bounds in one table, from which the flags, the
// environment variables, the keys of the configuration file and docs/configuration.md are made.
package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config is the effective settings. The table in table.go says what each means.
type Config struct {
	Listen         string
	Databackend    string
	MetadataStore  string
	ArtifactStore  string
	Compute        string
	ComputePython  string
	ComputeTimeout time.Duration
	DataDir        string

	LogLevel      string
	LogFormat     string
	MetricsListen string

	TLSCert     string
	TLSKey      string
	TLSRequired bool

	MaxConnections     int
	ExecuteConnections int
	StartupTimeout     time.Duration
	DrainTimeout       time.Duration
	CancelTimeout      time.Duration
	MaxStartupPacket   Size
	MaxMessage         Size
	MaxStatement       Size
	RelayThreads       int

	PostgresBinDir        string
	PostgresFetch         string
	PostgresRepository    string
	PostgresStartTimeout  time.Duration
	PostgresStopTimeout   time.Duration
	PostgresSharedBuffers Size
	PostgresSettings      []string

	// DatabackendRefresh is the pause between two reads of a foreign databackend's schema; 0 is never.
	DatabackendRefresh time.Duration
	ForeignSessions    int
	ForeignMemory      Size
	ForeignSpoolBytes  Size
	ForeignStatements  int

	JobWorkers       int
	JobConnections   int
	JobLease         time.Duration
	JobPollInterval  time.Duration
	JobMaxAttempts   int
	JobMaxLosses     int
	JobRetryDelay    time.Duration
	JobRetryMaxDelay time.Duration
	JobRetention     time.Duration
	JobKept          int
	JobLogLines      int

	ValidateMemory    Size
	ValidateMaxLabels int

	ArtifactImportDirs   []string
	SecretDirs           []string
	MetadataPollInterval time.Duration
	ArtifactMaxBytes     Size
	ArtifactGrace        time.Duration
	ModelMaxSourceBytes  Size
	MaxLoadedModels      int
	MaxLoadedBytes       Size
	ModelIdle            time.Duration
	ComputeWorkers       int
	MaxParallelLoads     int
	MetadataMinFree      Size

	ONNXRuntime       string
	ONNXThreads       int
	ONNXSessions      int
	ONNXMaxModelBytes Size
	StarlarkMaxSteps  int

	ParseMaxBytes     Size
	ParseMaxTokens    int
	ParseMaxDepth     int
	PredictMemory     Size
	PredictBatchRows  int
	PredictBatchBytes Size
	PredictAhead      int
	PredictRoundBytes Size
	// PredictLookupBytes is what the answers of one call may take that are put into a statement as parameters; more go into a
	// temporary table.
	PredictLookupBytes Size
	// PredictResultBytes, PredictResultFileBytes and PredictMaxRounds bound statements that are run by demand rounds, as
	// PredictRoundBytes does.
	PredictResultBytes     Size
	PredictResultFileBytes Size
	PredictMaxRounds       int
	PredictCacheBytes      Size
	PredictCacheFrom       time.Duration
	PredictMaxCalls        int
	PredictMaxTokens       int
	PredictTimeout         time.Duration

	ListenerWorkers           int
	ListenerPollInterval      time.Duration
	ListenerTimerInterval     time.Duration
	ListenerReconcileInterval time.Duration
	ListenerBatchRows         int
	ListenerBatchBytes        Size

	VectorPollInterval      time.Duration
	VectorReconcileInterval time.Duration
	VectorMaxBytes          Size
}

// Error is a configuration that cannot be used.
type Error struct {
	Message string
	Hint    string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Local reports whether the proxy runs its own PostgreSQL: without a databackend, and before one that is no PostgreSQL.
func (c *Config) Local() bool { return c.Databackend == "" || c.Foreign() }

// Foreign reports whether the databackend is another database than PostgreSQL.
func (c *Config) Foreign() bool {
	scheme, _, found := strings.Cut(c.Databackend, "://")
	return found && slices.Contains(foreignSchemes(), scheme)
}

// metadataInDatabackend is the value of metadata_store that stands for the databackend.
const metadataInDatabackend = "databackend"

// MetadataURI is the URI of the metadata store.
func (c *Config) MetadataURI() string {
	switch c.MetadataStore {
	case "":
		return "badger:" + filepath.Join(c.DataDir, "metadata")
	case metadataInDatabackend:
		return c.Databackend
	}
	return c.MetadataStore
}

// ArtifactURI is the URI of the artifact store.
func (c *Config) ArtifactURI() string {
	if c.ArtifactStore == "" {
		return "file:" + filepath.Join(c.DataDir, "artifacts")
	}
	return c.ArtifactStore
}

// check looks at what no single setting shows.
func (c *Config) check() error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return &Error{Message: "tls_cert and tls_key belong together, and one is missing", Hint: "Set both, or neither."}
	case c.TLSRequired && c.TLSCert == "":
		return &Error{Message: "tls_required is on, and there is no certificate", Hint: "Set tls_cert and tls_key."}
	case c.MetricsListen != "" && c.MetricsListen == c.Listen && port(c.Listen) != "0":
		return &Error{Message: "listen and metrics_listen are the same address, " + c.Listen}
	case c.MetadataStore == metadataInDatabackend && c.Databackend == "":
		return &Error{Message: "metadata_store is databackend, and there is none", Hint: "Set databackend, or leave metadata_store empty."}
	case c.MetadataStore == metadataInDatabackend && c.Foreign():
		return &Error{Message: "metadata_store is databackend, which is for a databackend of PostgreSQL",
			Hint: "Leave metadata_store empty, or give it a URI of its own, of the same server for example."}
	case c.MaxStatement > c.MaxMessage:
		return &Error{Message: fmt.Sprintf("max_statement (%s) is larger than max_message (%s)", c.MaxStatement, c.MaxMessage)}
	}
	return nil
}

// Warnings are what is allowed and yet worth a word.
func (c *Config) Warnings() []string {
	var out []string
	if !loopback(c.Listen) && c.TLSCert == "" {
		out = append(out, "listening on "+c.Listen+", which other machines can reach, without TLS: set tls_cert and tls_key")
	}
	if !loopback(c.Listen) && c.TLSCert != "" && !c.TLSRequired {
		out = append(out, "listening on "+c.Listen+" lets clients in without TLS: set tls_required to refuse them")
	}
	if c.MetricsListen != "" && !loopback(c.MetricsListen) {
		out = append(out, "metrics and health are open to other machines on "+c.MetricsListen)
	}
	if RedactURI(c.Databackend) != c.Databackend {
		instead := "passfile=… or PGPASSFILE"
		if c.Foreign() {
			instead = "passwordfile=…"
		}
		out = append(out, "the databackend URI holds a password: name a password file with "+instead+" instead")
	}
	return out
}

// loopback reports whether an address can be reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// port is the port of an address.
func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// DaskScheduler is the address of the Dask scheduler that runs models, in Dask's own form; "" where they run in the proxy.
func (c *Config) DaskScheduler() string {
	host, found := strings.CutPrefix(c.Compute, "dask://")
	if !found {
		return ""
	}
	return "tcp://" + host
}
