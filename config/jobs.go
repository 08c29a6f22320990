package config

import "time"

// jobs are the settings of work that takes longer than a statement.
func jobs() []Setting {
	const group = "Jobs"
	return []Setting{
		{Name: "job-workers", Group: group, Default: "2", Unit: "jobs", Field: func(c *Config) any { return &c.JobWorkers }, Check: between(-1, 1_000),
			Doc: "Jobs that this proxy runs at one time. -1 means none: they are left to other proxies on the same metadata store."},
		{Name: "job-connections", Group: group, Default: "8", Unit: "sessions", Field: func(c *Config) any { return &c.JobConnections }, Check: between(1, 10_000),
			Doc: "Sessions, beside max_connections, for the proxy's own work in the PostgreSQL behind: jobs, listeners, notifications. They are opened when they are needed, and log in as the user of the databackend's URI."},
		{Name: "job-lease", Group: group, Default: "15s", Field: func(c *Config) any { return &c.JobLease }, Check: between(time.Second, day),
			Doc: "Time without a heartbeat after which a proxy is taken for dead and its jobs are taken over. Heartbeats come every second, or every fifteenth of it where that is less. All proxies on one metadata store need the same."},
		{Name: "job-poll-interval", Group: group, Default: "1s", Field: func(c *Config) any { return &c.JobPollInterval }, Check: between(10*time.Millisecond, day),
			Doc: "Time between two looks for jobs that other proxies have added, or that have died with one."},
		{Name: "job-max-attempts", Group: group, Default: "5", Unit: "attempts", Field: func(c *Config) any { return &c.JobMaxAttempts }, Check: between(1, 1_000_000),
			Doc: "Attempts at a job that fails, before it stays failed."},
		{Name: "job-max-losses", Group: group, Default: "20", Unit: "proxies", Field: func(c *Config) any { return &c.JobMaxLosses }, Check: between(1, 1_000_000),
			Doc: "Proxies that may die while they run a job, without its having come further in between, before it stays failed."},
		{Name: "job-retry-delay", Group: group, Default: "1s", Field: func(c *Config) any { return &c.JobRetryDelay }, Check: between(time.Millisecond, day),
			Doc: "Time before the second attempt. It doubles with each attempt, and is shortened at random by up to a half."},
		{Name: "job-retry-max-delay", Group: group, Default: "5m", Field: func(c *Config) any { return &c.JobRetryMaxDelay }, Check: between(time.Millisecond, day),
			Doc: "Longest time between two attempts."},
		{Name: "job-retention", Group: group, Default: "168h", Field: func(c *Config) any { return &c.JobRetention }, Check: between(time.Second, 3650*day),
			Doc: "Time for which a job that has ended stays in pinnacle.jobs."},
		{Name: "job-kept", Group: group, Default: "10_000", Unit: "jobs", Field: func(c *Config) any { return &c.JobKept }, Check: between(1, 1_000_000),
			Doc: "Jobs that have ended and stay there at most; the oldest give way."},
		{Name: "job-log-lines", Group: group, Default: "500", Unit: "lines a job", Field: func(c *Config) any { return &c.JobLogLines }, Check: between(1, 900),
			Doc: "Lines that pinnacle.job_logs keeps of a job; the oldest give way."},
		{Name: "validate-memory", Group: group, Default: "64MiB", Unit: "bytes", Field: func(c *Config) any { return &c.ValidateMemory }, Check: between[Size](64<<10, 1<<40),
			Doc: "What roc_auc of one validation keeps in memory; past it distinct scores go to temporary files."},
		{Name: "validate-max-labels", Group: group, Default: "1_000", Unit: "labels", Field: func(c *Config) any { return &c.ValidateMaxLabels }, Check: between(2, 10_000),
			Doc: "Distinct labels that one validation may meet; past it the statement fails with 54000. The confusion matrix takes their square times 8 bytes."},
	}
}
