package session

import (
	"context"
	"encoding/json"
)

// answering runs a function of the Datalayer, and gives its answer as JSON.
func (s *session) answering(name string) func(ctx context.Context, h *homeSide, args []*string) (*string, error) {
	return func(ctx context.Context, h *homeSide, args []*string) (*string, error) {
		answer, err := s.call(ctx, h, name, args)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return nil, err
		}
		value := string(text)
		return &value, nil
	}
}

// updating is answering for a function that changes something, which cannot be part of a transaction.
func (s *session) updating(name string) func(ctx context.Context, h *homeSide, args []*string) (*string, error) {
	answer := s.answering(name)
	return func(ctx context.Context, h *homeSide, args []*string) (*string, error) {
		if h.x.TxStatus() == 'T' || h.x.InBlock() {
			return nil, insideBlock("pinnacle." + name)
		}
		return answer(ctx, h, args)
	}
}

// call runs a function of the Datalayer on behalf of the session's current role.
func (s *session) call(ctx context.Context, h *homeSide, name string, args []*string) (any, error) {
	by, err := s.requester(ctx, h)
	if err != nil {
		return nil, err
	}
	return s.cfg.Datalayer.Call(ctx, by, name, args)
}

// insideBlock is the error for a change of components within a transaction.
func insideBlock(what string) error {
	return coded("25001", what+" cannot run inside a transaction block",
		"Its change is durable at once and could not be rolled back.",
		"Run it by itself, outside BEGIN … COMMIT and not together with other statements in one query; with drivers that open transactions by themselves, use autocommit.")
}
