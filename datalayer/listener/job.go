package listener

import (
	"context"
	"errors"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
)

// watchEvery is the time between two looks at how far a listener is.
const watchEvery = 250 * time.Millisecond

// Handlers do the jobs that changes of listeners start, by kind.
func (k *Keeper) Handlers() map[string]job.Handler {
	return map[string]job.Handler{JobBackfill: k.backfill, JobDrop: k.drop}
}

// backfill sets a listener up and watches its outputs being made, by whichever Keeper that is, until each row has been
// looked at once. How far it is is home's to know, so whoever takes the job over goes on watching. An error of the listener
// ends the attempt; the Keepers go on trying all the same.
func (k *Keeper) backfill(ctx context.Context, run *job.Run) error {
	var args JobArgs
	if err := run.Args(&args); err != nil {
		return err
	}
	def, ok := k.definition(args)
	if !ok {
		run.Log("the listener was changed or dropped meanwhile")
		return nil
	}
	if def.Disabled {
		run.Log("the listener is disabled")
		return k.SetUp(ctx, def)
	}
	if err := k.SetUp(ctx, def); err != nil {
		if errors.Is(err, errOutdated) {
			return nil
		}
		return err
	}
	if err := k.resume(ctx, args.Name); err != nil {
		return err
	}
	wanted, err := k.scansWanted(ctx, args.Name)
	if err != nil {
		return err
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		s, done, err := k.scansDone(ctx, args.Name)
		if err != nil {
			return err
		}
		run.Progress(s.Done, s.Total)
		if done >= wanted {
			run.Log("%d rows were looked at, %d of them have no outputs because the model failed", s.Done, s.Failed)
			return nil
		}
		if s.State == stateStopped {
			// Whoever does this cancels the job next; otherwise it is tried again, and goes on.
			return &job.Error{Code: "57014", Message: "the backfill was stopped"}
		}
		if s.Code != "" {
			return &job.Error{Code: s.Code, Message: s.Error, Hint: "The listener goes on trying; SELECT * FROM pinnacle.listeners says how it stands."}
		}
		if _, ok := k.definition(args); !ok {
			run.Log("the listener was changed or dropped meanwhile")
			return nil
		}
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, job.ErrCancelled) { // after this attempt had it go on, perhaps
				cause = errors.Join(cause, k.StopBackfill(context.WithoutCancel(ctx), run.Job()))
			}
			return cause
		case <-tick.C:
		}
	}
}

// definition finds the definition that a job is about.
func (k *Keeper) definition(args JobArgs) (Definition, bool) {
	for _, def := range k.config.Definitions() {
		if def.Name == args.Name && def.Version == args.Version {
			return def, true
		}
	}
	return Definition{}, false
}

// scansWanted is the number of the scan that is wanted last.
func (k *Keeper) scansWanted(ctx context.Context, name string) (wanted int64, err error) {
	err = k.config.Pool.QueryRow(ctx, "SELECT scan_wanted FROM "+schema+".listeners WHERE name = $1", name).Scan(&wanted)
	return wanted, err
}

// scansDone tells how a listener stands, and the number of the scan that was done last.
func (k *Keeper) scansDone(ctx context.Context, name string) (s Status, done int64, err error) {
	all, err := k.Status(ctx)
	if err != nil {
		return s, 0, err
	}
	for _, one := range all {
		if one.Name == name {
			s = one
		}
	}
	err = k.config.Pool.QueryRow(ctx, "SELECT scan_done FROM "+schema+".listeners WHERE name = $1", name).Scan(&done)
	return s, done, err
}

// drop takes away what a dropped listener has at home.
func (k *Keeper) drop(ctx context.Context, run *job.Run) error {
	var args JobArgs
	if err := run.Args(&args); err != nil {
		return err
	}
	return k.TearDown(ctx, args.Name, args.Version, args.KeepOutputs)
}
