package session

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
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
	role, err := currentRole(ctx, h)
	if err != nil {
		return nil, err
	}
	if j.Owner != role {
		if err := mayChange(ctx, h, "pinnacle."+name); err != nil {
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

// currentRole is the role whose rights the session has now.
func currentRole(ctx context.Context, h *homeSide) (role string, err error) {
	err = h.rows(ctx, stream.Query{Text: "SELECT current_user::text", Formats: []int16{0}}, func(v [][]byte) error {
		role = string(v[0])
		return nil
	})
	return role, unpositioned(err)
}
