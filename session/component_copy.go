package session

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// copyArtifact is COPY pinnacle.artifacts FROM STDIN: the data, as they come, are one artifact.
func (s *session) copyArtifact(ctx context.Context, h *homeSide) (string, error) {
	by, err := s.requester(ctx, h)
	if err == nil {
		err = s.cfg.Datalayer.MayCreate(ctx, by, "put an artifact")
	}
	if err != nil {
		return "", err
	}
	h.x.Reply(&pgproto3.CopyInResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1}})
	if err := h.x.FlushClient(); err != nil {
		return "", err
	}
	in := &copyReader{ctx: ctx, h: h}
	digest, size, err := s.cfg.Datalayer.PutArtifact(ctx, in)
	if in.err != nil && in.err != io.EOF {
		return "", in.err
	}
	if drained := in.drain(); drained != nil {
		return "", drained
	}
	if err != nil {
		return "", err
	}
	h.notice(fmt.Sprintf("artifact sha256:%s holds %d bytes", strings.TrimPrefix(digest, "sha256:"), size))
	return "COPY 1", nil
}

// copyReader reads the client's CopyData as one stream.
type copyReader struct {
	ctx  context.Context
	h    *homeSide
	rest []byte
	err  error
}

// Read implements io.Reader.
func (r *copyReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		typ, body, err := r.h.x.ReceiveClient(r.ctx)
		switch {
		case err != nil:
			r.err = err
		case typ == 'd':
			r.rest = body
		case typ == 'c':
			r.err = io.EOF
		case typ == 'f':
			r.err = coded("57014", "COPY from stdin failed: "+string(cString(body, 0)), "", "")
		default:
			r.err = coded("08P01", "unexpected message during COPY from stdin", "", "")
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// drain reads what is left after a failure, so that the client's data are not taken for statements.
func (r *copyReader) drain() error {
	buf := make([]byte, 32<<10)
	for {
		if _, err := r.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
