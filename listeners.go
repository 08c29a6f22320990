package pinnacle

import (
	"context"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// keeperSessions are the sessions of home that a Keeper takes beside those of its workers: to look for changes, to note those
// of a replication slot, for set-ups and to tell how listeners stand.
const keeperSessions = 5

// newKeeper makes the Keeper of the proxy's listeners, with sessions of home of its own; none is opened before there is a
// listener. It runs from runKeeper on.
func (p *Proxy) newKeeper(ctx context.Context) error {
	c, err := p.ownSessions("listeners")
	if err != nil {
		return err
	}
	c.MaxConns = int32(keeperSessions + p.settings.ListenerWorkers)
	pool, err := p.openSessions(ctx, c)
	if err != nil {
		return err
	}
	s := &p.settings
	config := listener.Config{
		Pool: pool, Models: listenerModels{p}, Definitions: p.listeners, Capture: listener.CaptureTimer,
		Poll: s.ListenerPollInterval, Reconcile: s.ListenerReconcileInterval, Timer: s.ListenerTimerInterval,
		BatchRows: s.ListenerBatchRows, BatchBytes: int(s.ListenerBatchBytes), Workers: s.ListenerWorkers,
		Logger: p.options.Logger, Observer: p.options.Metrics,
	}
	if s.Databackend == "" {
		config.Capture = listener.CaptureTriggers
	}
	if config.Reconcile == 0 {
		config.Reconcile = -1
	}
	p.keeper = listener.New(config)
	return nil
}

// runKeeper has the Keeper work until Close.
func (p *Proxy) runKeeper() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.keeper.Run(ctx)
	}()
	p.onClose(func(context.Context) error {
		stop()
		<-done
		return nil
	})
}

// listeners are the definitions of all listeners.
func (p *Proxy) listeners() []listener.Definition {
	all, err := listener.Definitions(p.Datalayer.Components())
	if err != nil {
		p.options.Logger.Error("the listeners' definitions cannot be read", "error", err)
	}
	return all
}

// listenerModels are the Datalayer's models, asked as statements ask them.
type listenerModels struct{ p *Proxy }

var _ listener.Models = listenerModels{}

// Describe implements listener.Models.
func (m listenerModels) Describe(ctx context.Context, name string, version int) (*datalayer.ModelVersion, error) {
	return m.p.Datalayer.Describe(ctx, name, version)
}

// Permit implements listener.Models.
func (m listenerModels) Permit(ctx context.Context, role string, model *datalayer.ModelVersion) error {
	if role == "" || !m.p.Datalayer.Restricted(model.Name) {
		return nil
	}
	return m.p.Datalayer.MayExecute(ctx, datalayer.Requester{Role: role, Home: ownQuestions{m.p.own}}, model.Name)
}

// Predict implements listener.Models.
func (m listenerModels) Predict(ctx context.Context, model *datalayer.ModelVersion, args []udf.Column, rows int) (udf.Column, []error, error) {
	lease, err := m.p.Datalayer.Acquire(ctx, model.Name, model.Version)
	if err != nil {
		return udf.Column{}, nil, err
	}
	defer lease.Release()
	got, err := m.p.answerer.Answer(ctx, answer.Request{Model: lease, Args: args, Rows: rows, UseCache: true, NoOutputs: true, OnError: answer.Null, Details: true})
	stats := got.Stats
	stats.Rows, stats.Distinct = int64(rows), int64(rows)
	m.p.Datalayer.Record(lease.Version(), stats)
	if err != nil {
		return udf.Column{}, nil, err
	}
	var failed []error
	for i, d := range got.Details {
		if d.Err == nil {
			continue
		}
		if failed == nil {
			failed = make([]error, rows)
		}
		failed[i] = d.Err
	}
	return got.Answers, failed, nil
}

// listenerOutputs are the outputs of listeners, as answers of predict.
type listenerOutputs struct{ p *Proxy }

var _ answer.Outputs = listenerOutputs{}

// Of implements answer.Outputs.
func (o listenerOutputs) Of(v *datalayer.ModelVersion) []string { return o.p.keeper.Of(v) }

// Find implements answer.Outputs.
func (o listenerOutputs) Find(ctx context.Context, v *datalayer.ModelVersion, args []udf.Column, rows []int32) ([]int, udf.Column, error) {
	return o.p.keeper.Find(ctx, v, args, rows)
}

// maxListenerErrors is how many rows of one listener pinnacle.listener_errors has, the latest ones.
const maxListenerErrors = 1000

// listenerTables are pinnacle.listeners and pinnacle.listener_errors.
func (p *Proxy) listenerTables() []datalayer.SystemTable {
	return []datalayer.SystemTable{
		{Name: "listeners", Columns: tableColumns(
			"name text", "version int4", "source text", "key text[]", "model text", "arguments text[]", "outputs text", "flatten bool", "refresh text", "enabled bool",
			"state text", "model_version int4", "rows_behind int8", "seconds_behind float8", "rows_done int8", "rows_total int8", "rows_written int8", "rows_failed int8",
			"written_at timestamptz", "compared_at timestamptz", "sqlstate text", "error text", "error_at timestamptz", "owner text",
		), Rows: p.listenerRows},
		{Name: "listener_errors", Columns: tableColumns(
			"listener text", "key jsonb", "sqlstate text", "error text", "model_version int4", "attempts int4", "at timestamptz", "retry_at timestamptz",
		), Rows: p.listenerErrorRows},
	}
}

// listenerRows are the rows of pinnacle.listeners.
func (p *Proxy) listenerRows(ctx context.Context) ([][]any, error) {
	definitions := p.listeners()
	if len(definitions) == 0 {
		return nil, nil
	}
	all, err := p.keeper.Status(ctx)
	if err != nil {
		return nil, err
	}
	stands := map[string]listener.Status{}
	for _, s := range all {
		stands[s.Name] = s
	}
	var rows [][]any
	for _, def := range definitions {
		source, refresh := def.Table, def.Refresh
		if source == "" {
			source = "(" + def.Query + ")"
		}
		if def.Every != "" {
			refresh += " " + def.Every
		}
		s, ok := stands[def.Name]
		if !ok {
			s.State = "new"
		}
		if def.Disabled {
			s.State = "disabled"
		}
		rows = append(rows, []any{
			def.Name, int64(def.Version), source, def.Key, def.Model, def.Arguments, def.Into, def.Flatten, refresh, !def.Disabled,
			s.State, int64(s.ModelVersion), s.Rows, s.Seconds, s.Done, s.Total, s.Written, s.Failed,
			timeAt(s.WrittenAt), timeAt(s.ScannedAt), textOrNull(s.Code), textOrNull(s.Error), timeAt(s.ErrorAt), textOrNull(def.Owner),
		})
	}
	return rows, nil
}

// listenerErrorRows are the rows of pinnacle.listener_errors.
func (p *Proxy) listenerErrorRows(ctx context.Context) ([][]any, error) {
	if len(p.listeners()) == 0 {
		return nil, nil
	}
	all, err := p.keeper.Errors(ctx, maxListenerErrors)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for _, e := range all {
		rows = append(rows, []any{e.Listener, textOrNull(e.Key), e.Code, e.Message, int64(e.ModelVersion), int64(e.Attempts), e.At, timeAt(e.RetryAt)})
	}
	return rows, nil
}

// timeAt is a time, NULL for none.
func timeAt(at *time.Time) any {
	if at == nil {
		return nil
	}
	return *at
}

// refreshListener is pinnacle.refresh(name): REFRESH LISTENER.
func (p *Proxy) refreshListener(ctx context.Context, by datalayer.Requester, args []*string) (any, error) {
	if p.foreign != nil && (len(args) == 0 || args[0] == nil) {
		return p.refreshSchema(ctx)
	}
	if len(args) != 1 || args[0] == nil {
		return nil, &datalayer.Error{Code: "42883", Message: "pinnacle.refresh was not given a listener's name", Hint: "Write SELECT pinnacle.refresh('listener')."}
	}
	r, err := p.Datalayer.Component(component.Ref{Kind: component.KindListener, Name: *args[0]})
	if err != nil {
		return nil, err
	}
	if by.Home != nil && r.Owner != "" && r.Owner != by.Role {
		rows, err := by.Home.Query(ctx, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $2 AND pg_catalog.pg_has_role($1::pg_catalog.name, oid, 'USAGE')", by.Role, r.Owner)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, &datalayer.Error{Code: "42501", Message: "must be owner of " + r.Ref().String()}
		}
	}
	if err := p.keeper.Refresh(ctx, r.Name); err != nil {
		return nil, err
	}
	return map[string]any{"refresh": r.Name}, nil
}
