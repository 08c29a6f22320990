package session

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
)

// cancelJob is pinnacle.cancel_job(id). Its result is the job's state, or "cancelling" where a worker has to end it first.
func (s *session) cancelJob(ctx context.Context, h *homeSide, args []*string) (*string, error) {
	return s.changeJob(ctx, h, "cancel_job", args[0], func(id int64) (*job.Job, error) {
		return s.cfg.Jobs.Cancel(ctx, id, s.info.User)
	})
}

// retryJob is pinnacle.retry_job(id). Its result is the job's state.
func (s *session) retryJob(ctx context.Context, h *homeSide, args []*string) (*string, error) {
	return s.changeJob(ctx, h, "retry_job", args[0], func(id int64) (*job.Job, error) {
		return s.cfg.Jobs.Retry(ctx, id)
	})
}

// changeJob does something to a job that the session's role may change: the one on whose behalf it runs, and those that may
// change components.
func (s *session) changeJob(ctx context.Context, h *homeSide, name string, arg *string, change func(id int64) (*job.Job, error)) (*string, error) {
	id, err := number(name, arg)
	if err != nil {
		return nil, err
	}
	if s.cfg.Jobs == nil {
		return nil, coded("55000", "there are no jobs here", "", "")
	}
	j, err := s.cfg.Jobs.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	by, err := s.requester(ctx, h)
	if err != nil {
		return nil, err
	}
	if j.Owner != by.Role {
		if err := s.cfg.Datalayer.MayCreate(ctx, by, "run pinnacle."+name); err != nil {
			return nil, err
		}
	}
	if j, err = change(id); err != nil {
		return nil, err
	}
	state := string(j.State)
	if j.State == job.Running && j.CancelBy != "" {
		state = "cancelling"
	}
	return &state, nil
}
