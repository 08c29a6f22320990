package config

import (
	"math"
	"slices"
	"time"
)

// day bounds durations.
const day = 24 * time.Hour

// Settings is the table of all settings but --config, in the order of the documentation. A row here, and a field in
// Config, is all that a new setting needs.
func Settings() []Setting {
	return slices.Concat(places(), serving(), local(), foreign(), models(), listeners(), vectors(), jobs())
}

// places are the settings that say what the proxy stands before and where its own things are.
func places() []Setting {
	const group = "What and where"
	return []Setting{
		{Name: "listen", Group: group, Default: "127.0.0.1:6432", Field: func(c *Config) any { return &c.Listen }, Check: address(false),
			Doc: "Address, host:port, on which clients are served. Port 0 takes a free one."},
		{Name: "databackend", Group: group, Field: func(c *Config) any { return &c.Databackend }, Check: databackend, Secret: true,
			Doc: "The database that holds the data: postgres://user@host:port/database, with sslmode, sslrootcert, sslcert, sslkey, several hosts, or host=/directory for a Unix socket, as libpq reads it. Clients log in there with their own names and passwords; the URI's user and password serve the proxy's health check. Name a password by reference: passfile=/path, or the variable PGPASSFILE. Other databases: sqlite:///file, duckdb:///file, mysql://user@host:port/database, mongodb://user@host:port/database, clickhouse://user@host:port/database, pandas:///directory or polars:///directory; clients then log in to the proxy's own PostgreSQL, which shows their tables, as user pinnacle; passwordfile=/path names a file with the password. See databackends.md. Empty means the proxy's own PostgreSQL in the data directory."},
		{Name: "data-dir", Group: group, Default: ".pinnacle", Field: func(c *Config) any { return &c.DataDir },
			Doc: "Directory of everything the proxy keeps: its own PostgreSQL, metadata, artifacts, the password file pgpass. One proxy at a time uses it."},
		{Name: "metadata-store", Group: group, Field: func(c *Config) any { return &c.MetadataStore }, Check: metadataURI, Secret: true,
			Doc: "Where components, their versions and jobs are recorded: badger:///directory, sqlite:///file, postgres://, mysql://, mssql:// or mongodb:// with user@host:port/database, or databackend for the schema pinnacle of the databackend. See stores.md. Empty means badger in metadata below the data directory."},
		{Name: "artifact-store", Group: group, Field: func(c *Config) any { return &c.ArtifactStore }, Check: artifactURI, Secret: true,
			Doc: "Where the bytes of models are kept: file:///directory, or mongodb://user@host:port/database?bucket=name for GridFS. See stores.md. Empty means artifacts below the data directory."},
		{Name: "compute", Group: group, Default: "local", Field: func(c *Config) any { return &c.Compute }, Check: compute,
			Doc: "Where ONNX models run: local, in the proxy's own process, or dask://host:port, on the workers of the Dask cluster with that scheduler. Starlark and sentence models always run in the proxy."},
		{Name: "compute-python", Group: group, Default: "python3", Field: func(c *Config) any { return &c.ComputePython },
			Doc: "Python that can import distributed and pyarrow, in the versions of the Dask cluster; it runs the bridge to the cluster. Used with dask only."},
		{Name: "compute-timeout", Group: group, Default: "10s", Field: func(c *Config) any { return &c.ComputeTimeout }, Check: between(time.Second, time.Hour),
			Doc: "Time that the Dask scheduler may take to answer when the bridge connects."},
		{Name: "metrics-listen", Group: group, Field: func(c *Config) any { return &c.MetricsListen }, Check: address(true),
			Doc: "Address, host:port, of the HTTP server with /metrics (Prometheus), /healthz and /readyz. Empty means none."},
		{Name: "log-level", Group: group, Default: "info", Field: func(c *Config) any { return &c.LogLevel }, Check: oneOf("debug", "info", "warn", "error"),
			Doc: "The least level that is logged: debug, info, warn or error."},
		{Name: "log-format", Group: group, Default: "text", Field: func(c *Config) any { return &c.LogFormat }, Check: oneOf("text", "json"),
			Doc: "Form of the log on standard error: text or json."},
	}
}

// serving are the settings of the protocol towards clients.
func serving() []Setting {
	const group = "Clients"
	return []Setting{
		{Name: "tls-cert", Group: group, Field: func(c *Config) any { return &c.TLSCert },
			Doc: "PEM file with the certificate, and those between it and its root, that clients are shown. Empty means no TLS."},
		{Name: "tls-key", Group: group, Field: func(c *Config) any { return &c.TLSKey },
			Doc: "PEM file with the certificate's private key."},
		{Name: "tls-required", Group: group, Default: "false", Field: func(c *Config) any { return &c.TLSRequired },
			Doc: "Refuse clients that do not ask for TLS."},
		{Name: "max-connections", Group: group, Default: "1000", Unit: "sessions", Field: func(c *Config) any { return &c.MaxConnections }, Check: between(1, 100_000),
			Doc: "Sessions at one time. Each has a session of the PostgreSQL behind, whose own max_connections must allow them; the proxy's own PostgreSQL is started with as many."},
		{Name: "execute-connections", Group: group, Default: "4", Unit: "sessions", Field: func(c *Config) any { return &c.ExecuteConnections }, Check: between(1, 10_000),
			Doc: "Sessions, beside max_connections, for statements of a program that the proxy is part of (Execute in Go). They are opened when they are needed; a statement for which none is free waits."},
		{Name: "startup-timeout", Group: group, Default: "60s", Field: func(c *Config) any { return &c.StartupTimeout }, Check: between(time.Millisecond, day),
			Doc: "Time from a client's connect to the end of its login."},
		{Name: "drain-timeout", Group: group, Default: "30s", Field: func(c *Config) any { return &c.DrainTimeout }, Check: between(0, day),
			Doc: "Time that running statements and transactions get to end after SIGTERM; then they are cut."},
		{Name: "cancel-timeout", Group: group, Default: "10s", Field: func(c *Config) any { return &c.CancelTimeout }, Check: between(time.Millisecond, day),
			Doc: "Time that a client's cancel request may take to reach the PostgreSQL behind."},
		{Name: "max-startup-packet", Group: group, Default: "10000", Unit: "bytes", Field: func(c *Config) any { return &c.MaxStartupPacket }, Check: between[Size](512, 1<<20),
			Doc: "Longest start-up packet; PostgreSQL's own limit is 10000."},
		{Name: "max-message", Group: group, Default: "1073741823", Unit: "bytes", Field: func(c *Config) any { return &c.MaxMessage }, Check: between[Size](1<<10, 1<<30-1),
			Doc: "Longest message of a client; PostgreSQL's own limit is one byte less than 1GiB. A relayed message is passed on in pieces, so this is not memory."},
		{Name: "max-statement", Group: group, Default: "64MiB", Unit: "bytes", Field: func(c *Config) any { return &c.MaxStatement }, Check: between[Size](1<<10, 1<<30-1),
			Doc: "Longest statement that the proxy looks into; a longer one is relayed as it is."},
		{Name: "relay-threads", Group: group, Default: "0", Unit: "threads", Field: func(c *Config) any { return &c.RelayThreads }, Check: between(-1, 256),
			Doc: "Threads that pass messages on between clients and the PostgreSQL behind, for sessions without TLS on either side, on Linux. 0 means one for two processors, at least one. -1 means none: each session waits in Go's scheduler, as those with TLS do, which costs more processor time for short statements."},
	}
}

// foreign are the settings of databackends other than PostgreSQL.
func foreign() []Setting {
	const group = "Databackends other than PostgreSQL"
	return []Setting{
		{Name: "databackend-refresh", Group: group, Default: "1m", Field: func(c *Config) any { return &c.DatabackendRefresh }, Check: between(0, day),
			Doc: "Pause between two reads of the databackend's schema, by which tables that were changed past the proxy are noticed. SELECT pinnacle.refresh() reads it at once, and DDL through the proxy shows at once. 0 means never by itself."},
		{Name: "foreign-sessions", Group: group, Default: "100", Unit: "sessions", Field: func(c *Config) any { return &c.ForeignSessions }, Check: between(1, 100_000),
			Doc: "Sessions of the databackend at one time. A transaction has one from its first statement on tables of the databackend to its end; one for which none is free waits."},
		{Name: "foreign-memory", Group: group, Default: "4MiB", Unit: "bytes", Field: func(c *Config) any { return &c.ForeignMemory }, Check: between[Size](64<<10, 1<<40),
			Doc: "What one result keeps in memory while it waits because another statement of its session runs; past it, it goes on in a file below the data directory. The rows that a transaction has found for UPDATE and DELETE one by one are bounded so, too."},
		{Name: "foreign-spool-bytes", Group: group, Default: "16GiB", Unit: "bytes", Field: func(c *Config) any { return &c.ForeignSpoolBytes }, Check: between[Size](1<<20, 1<<50),
			Doc: "What one such result may take in a file; past it the statement fails with 53400."},
		{Name: "foreign-statements", Group: group, Default: "4096", Unit: "statements", Field: func(c *Config) any { return &c.ForeignStatements }, Check: between(1, 1_000_000),
			Doc: "Statements that are kept compiled for the databackend."},
	}
}

// local are the settings of the proxy's own PostgreSQL.
func local() []Setting {
	const group = "The proxy's own PostgreSQL"
	return []Setting{
		{Name: "postgres-bin-dir", Group: group, Field: func(c *Config) any { return &c.PostgresBinDir },
			Doc: "Directory with the programs postgres and initdb, version 14 or newer, with postgres_fdw. Empty means the newest found in PATH and in the usual places."},
		{Name: "postgres-fetch", Group: group, Default: "auto", Field: func(c *Config) any { return &c.PostgresFetch }, Check: oneOf("auto", "always", "never"),
			Doc: "Whether PostgreSQL is fetched (15 MB, once) into the data directory: auto where the machine has none, always to pass over what it has, or never."},
		{Name: "postgres-repository", Group: group, Field: func(c *Config) any { return &c.PostgresRepository },
			Doc: "URL of the Maven repository to fetch it from. Empty means the public one."},
		{Name: "postgres-start-timeout", Group: group, Default: "5m", Field: func(c *Config) any { return &c.PostgresStartTimeout }, Check: between(time.Second, day),
			Doc: "Time for fetching, making and starting it, a recovery after a crash included. For a databackend: time to wait for a server that says it is starting up."},
		{Name: "postgres-stop-timeout", Group: group, Default: "30s", Field: func(c *Config) any { return &c.PostgresStopTimeout }, Check: between(0, day),
			Doc: "Time for its orderly shutdown; then it is ended at once, and recovers at the next start."},
		{Name: "postgres-shared-buffers", Group: group, Default: "128MiB", Unit: "bytes", Field: func(c *Config) any { return &c.PostgresSharedBuffers }, Check: between[Size](128<<10, 1<<40),
			Doc: "Its setting shared_buffers."},
		{Name: "postgres-settings", Group: group, Field: func(c *Config) any { return &c.PostgresSettings }, Check: settingPairs,
			Doc: "Further settings of it as name=value, separated by commas; work_mem=64MB for example. Those that keep it private cannot be changed."},
	}
}

// models are the settings of artifacts, runtimes and predict.
func models() []Setting {
	const group = "Models"
	return []Setting{
		{Name: "onnxruntime", Group: group, Field: func(c *Config) any { return &c.ONNXRuntime },
			Doc: "Path of ONNX Runtime's shared library, or its directory. Empty means: lib below the data directory, then the usual places."},
		{Name: "artifact-import-dirs", Group: group, Field: func(c *Config) any { return &c.ArtifactImportDirs }, Check: directories,
			Doc: "Directories, separated by commas, from which CREATE MODEL … FROM 'path' may read files of this machine. Empty means that it may read none; COPY pinnacle.artifacts FROM STDIN needs no such right."},
		{Name: "secret-dirs", Group: group, Field: func(c *Config) any { return &c.SecretDirs }, Check: directories,
			Doc: "Directories, separated by commas, from which CREATE SECRET … FROM FILE 'path' may read. Empty means that it may read none."},
		{Name: "metadata-poll-interval", Group: group, Default: "1s", Field: func(c *Config) any { return &c.MetadataPollInterval }, Check: between(10*time.Millisecond, time.Hour),
			Doc: "Time between two looks for components that another proxy on the same metadata store has changed."},
		{Name: "artifact-max-bytes", Group: group, Default: "4GiB", Unit: "bytes", Field: func(c *Config) any { return &c.ArtifactMaxBytes }, Check: between[Size](1, math.MaxInt64),
			Doc: "Largest artifact that is stored."},
		{Name: "artifact-grace", Group: group, Default: "24h", Field: func(c *Config) any { return &c.ArtifactGrace }, Check: between(time.Minute, 3650*day),
			Doc: "Time for which an artifact is kept that no model refers to."},
		{Name: "model-max-source-bytes", Group: group, Default: "1MiB", Unit: "bytes", Field: func(c *Config) any { return &c.ModelMaxSourceBytes }, Check: between[Size](1, 8<<20),
			Doc: "Longest source text of a model, AS $$ … $$."},
		{Name: "max-loaded-models", Group: group, Default: "64", Unit: "models", Field: func(c *Config) any { return &c.MaxLoadedModels }, Check: between(1, 100_000),
			Doc: "Model versions kept in memory; the one that was not used for the longest time gives way."},
		{Name: "max-loaded-bytes", Group: group, Default: "4GiB", Unit: "bytes", Field: func(c *Config) any { return &c.MaxLoadedBytes }, Check: between[Size](0, math.MaxInt64),
			Doc: "Artifacts, in all, of the model versions that are kept in memory; 0 means no bound. A runtime may need more memory for a model than its artifact has bytes."},
		{Name: "model-idle", Group: group, Default: "30m", Field: func(c *Config) any { return &c.ModelIdle }, Check: between(0, 3650*day),
			Doc: "Time after which a model is unloaded that nobody uses; 0 means that it stays as long as there is room."},
		{Name: "compute-workers", Group: group, Default: "0", Unit: "batches", Field: func(c *Config) any { return &c.ComputeWorkers }, Check: between(0, 4_096),
			Doc: "Batches of all models together that run in the proxy's process at one time; 0 means one a processor. Others wait."},
		{Name: "max-parallel-loads", Group: group, Default: "4", Unit: "models", Field: func(c *Config) any { return &c.MaxParallelLoads }, Check: between(1, 1_000),
			Doc: "Models that may be in the middle of being loaded at one time; others wait."},
		{Name: "metadata-min-free", Group: group, Default: "32MiB", Unit: "bytes", Field: func(c *Config) any { return &c.MetadataMinFree }, Check: between[Size](32<<20, 1<<40),
			Doc: "Room that the file system of the metadata store must have for a component to be added or changed."},
		{Name: "onnx-threads", Group: group, Default: "1", Unit: "threads", Field: func(c *Config) any { return &c.ONNXThreads }, Check: between(1, 64),
			Doc: "Threads that one run of an onnx model may use; 1 serves many statements side by side best."},
		{Name: "onnx-sessions", Group: group, Default: "0", Unit: "runs", Field: func(c *Config) any { return &c.ONNXSessions }, Check: between(0, 1_024),
			Doc: "Runs of one onnx model that may go on side by side; 0 means one a processor."},
		{Name: "onnx-max-model-bytes", Group: group, Default: "1GiB", Unit: "bytes", Field: func(c *Config) any { return &c.ONNXMaxModelBytes }, Check: between[Size](1, 2<<30),
			Doc: "Largest onnx file that is loaded."},
		{Name: "starlark-max-steps", Group: group, Default: "10_000_000", Unit: "steps a row", Field: func(c *Config) any { return &c.StarlarkMaxSteps }, Check: between(1_000, 10_000_000),
			Doc: "Steps that a starlark model may take for one row; past it the statement fails, so that an endless loop ends."},
		{Name: "predict-memory", Group: group, Default: "256MiB", Unit: "bytes a call of a statement", Field: func(c *Config) any { return &c.PredictMemory }, Check: between[Size](1<<20, 1<<40),
			Doc: "What one predict call of a statement may remember of distinct arguments and their answers. Past it they are forgotten, and the model is asked again; in rounds, PostgreSQL tells arguments apart where more than fit, at 128 bytes each, may come."},
		{Name: "predict-batch-rows", Group: group, Default: "8192", Unit: "rows", Field: func(c *Config) any { return &c.PredictBatchRows }, Check: between(1, 1<<20),
			Doc: "Largest number of rows that go to a model at once."},
		{Name: "predict-batch-bytes", Group: group, Default: "4MiB", Unit: "bytes", Field: func(c *Config) any { return &c.PredictBatchBytes }, Check: between[Size](64<<10, 1<<30),
			Doc: "Size of rows at which a batch is closed before it has all its rows."},
		{Name: "predict-round-bytes", Group: group, Default: "256MiB", Unit: "bytes", Field: func(c *Config) any { return &c.PredictRoundBytes }, Check: between[Size](64<<10, 1<<40),
			Doc: "Memory that the arguments may take that one round of a statement asks for (see Predict Rounds in predict.md). What it asks for beyond is left to further rounds. Values that volatile functions have drawn cannot be: past it they fail the statement with 54000."},
		{Name: "predict-lookup-bytes", Group: group, Default: "64MiB", Unit: "bytes a call of a statement", Field: func(c *Config) any { return &c.PredictLookupBytes }, Check: between[Size](64<<10, 1<<30),
			Doc: "What the distinct arguments of one predict call in rounds, and their answers, may take in memory until they are put into the statement as parameters. More go into a temporary table of PostgreSQL's, 20,000 at a time."},
		{Name: "predict-result-bytes", Group: group, Default: "4MiB", Unit: "bytes", Field: func(c *Config) any { return &c.PredictResultBytes }, Check: between[Size](1<<10, 1<<30),
			Doc: "Size of a result up to which a statement that is run in rounds holds it in memory until no round is needed any more. The rest is held in a file."},
		{Name: "predict-result-file-bytes", Group: group, Default: "1GiB", Unit: "bytes", Field: func(c *Config) any { return &c.PredictResultFileBytes }, Check: between[Size](0, 1<<50),
			Doc: "Size of the file, in the directory for temporary files (TMPDIR), that holds the rest of such a result. A result of a reading statement that is larger costs one more run; that of a writing one is always held."},
		{Name: "predict-max-rounds", Group: group, Default: "1_000", Unit: "rounds a statement", Field: func(c *Config) any { return &c.PredictMaxRounds }, Check: between(2, 1_000_000),
			Doc: "Rounds that one statement may take; past it the statement fails with 54000. Mostly two or three are needed; a recursive query that feeds on predictions needs one for each step."},
		{Name: "predict-cache-bytes", Group: group, Default: "256MiB", Unit: "bytes", Field: func(c *Config) any { return &c.PredictCacheBytes }, Check: cacheBytes,
			Doc: "What the cache of answers may take of the disk, in answers below the data directory; 0 means none, and 16MiB is the least. It keeps answers of deterministic models from statement to statement; SET predict.cache = off leaves it alone, on uses it for all models."},
		{Name: "predict-cache-from", Group: group, Default: "50us", Field: func(c *Config) any { return &c.PredictCacheFrom }, Check: between(0, day),
			Doc: "Time that a model must take for a row so that its answers are cached; a faster one is asked again, since the cache would only slow it down. How long a model takes is measured."},
		{Name: "predict-max-calls", Group: group, Default: "100_000_000", Unit: "calls a statement", Field: func(c *Config) any { return &c.PredictMaxCalls }, Check: between(0, math.MaxInt),
			Doc: "Argument tuples that one statement may hand to models; past it the statement fails with 54000. 0 means no limit. A session changes it with SET predict.max_calls."},
		{Name: "predict-max-tokens", Group: group, Default: "10_000_000", Unit: "tokens a statement", Field: func(c *Config) any { return &c.PredictMaxTokens }, Check: between(0, math.MaxInt),
			Doc: "Tokens that one statement may use with models that count them; past it the statement fails with 54000. 0 means no limit. A session changes it with SET predict.max_tokens."},
		{Name: "predict-timeout", Group: group, Default: "1h", Field: func(c *Config) any { return &c.PredictTimeout }, Check: between(0, 365*day),
			Doc: "Time that the models of one statement have for their answers; past it the statement is canceled with 57014. 0 means no limit. A session changes it with SET predict.timeout."},
		{Name: "parse-max-bytes", Group: group, Default: "16MiB", Unit: "bytes", Field: func(c *Config) any { return &c.ParseMaxBytes }, Check: between[Size](1<<10, 1<<30),
			Doc: "Longest statement with predict, or of the component DDL, that is parsed; a longer one is refused with 54001."},
		{Name: "parse-max-tokens", Group: group, Default: "1_048_576", Unit: "tokens", Field: func(c *Config) any { return &c.ParseMaxTokens }, Check: between(100, 1<<24),
			Doc: "The same in words, numbers and signs."},
		{Name: "parse-max-depth", Group: group, Default: "1400", Unit: "levels", Field: func(c *Config) any { return &c.ParseMaxDepth }, Check: between(10, 1400),
			Doc: "The same in the depth to which expressions may nest, a chain of operators included; it keeps the parser within its stack."},
		{Name: "predict-ahead", Group: group, Default: "2", Unit: "batches", Field: func(c *Config) any { return &c.PredictAhead }, Check: between(1, 64),
			Doc: "Batches that are with the model while further rows are read."},
	}
}

// listeners are the settings of what keeps the outputs of listeners.
func listeners() []Setting {
	const group = "Listeners"
	return []Setting{
		{Name: "listener-workers", Group: group, Default: "2", Unit: "listeners", Field: func(c *Config) any { return &c.ListenerWorkers }, Check: between(1, 1_000),
			Doc: "Listeners that are worked on at one time. Each takes a session of the PostgreSQL behind while it is, and five more are taken for all together."},
		{Name: "listener-poll-interval", Group: group, Default: "200ms", Field: func(c *Config) any { return &c.ListenerPollInterval }, Check: between(time.Millisecond, time.Hour),
			Doc: "Time between two looks for changed rows that triggers have noted; so long, at most, outputs wait before they are begun."},
		{Name: "listener-timer-interval", Group: group, Default: "2s", Field: func(c *Config) any { return &c.ListenerTimerInterval }, Check: between(10*time.Millisecond, day),
			Doc: "Time between two looks at the statistics of a source whose changes are not noted by triggers (the option capture = 'timer' of a listener, which is the default before a databackend)."},
		{Name: "listener-reconcile-interval", Group: group, Default: "1h", Field: func(c *Config) any { return &c.ListenerReconcileInterval }, Check: between(0, 365*day),
			Doc: "Time after which a listener compares all rows with their outputs though nothing says that any has changed. 0 means never."},
		{Name: "listener-batch-rows", Group: group, Default: "2_000", Unit: "rows", Field: func(c *Config) any { return &c.ListenerBatchRows }, Check: between(1, 1_000_000),
			Doc: "Rows that a listener reads, asks the model for and writes in one transaction."},
		{Name: "listener-batch-bytes", Group: group, Default: "4MiB", Unit: "bytes", Field: func(c *Config) any { return &c.ListenerBatchBytes }, Check: between[Size](1<<10, 1<<30),
			Doc: "Size of what a listener reads at which a batch has fewer rows."},
	}
}

// vectors are the settings of vector indexes.
func vectors() []Setting {
	const group = "Vector indexes"
	return []Setting{
		{Name: "vector-poll-interval", Group: group, Default: "500ms", Field: func(c *Config) any { return &c.VectorPollInterval }, Check: between(10*time.Millisecond, time.Hour),
			Doc: "Time between two looks at the statistics of the tables of vector indexes, which say whether they were written to."},
		{Name: "vector-reconcile-interval", Group: group, Default: "1m", Field: func(c *Config) any { return &c.VectorReconcileInterval }, Check: between(time.Second, 365*day),
			Doc: "Time after which a vector index is compared with its table though the statistics do not say that it was written to."},
		{Name: "vector-max-bytes", Group: group, Default: "4GiB", Unit: "bytes", Field: func(c *Config) any { return &c.VectorMaxBytes }, Check: between[Size](1<<20, 1<<40),
			Doc: "Memory that the vectors of one index may take. Making its graph anew takes as much again while it lasts."},
	}
}
