package dask

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// The limits of a frame. An answer is as large as a batch's values; a header only names them.
const (
	maxHeader  = 4 << 20
	maxPayload = 2 << 30
)

// request is the header of what the proxy asks; bridge.py says what each op means.
type request struct {
	ID      int64      `json:"id"`
	Op      string     `json:"op"`
	Of      int64      `json:"of,omitempty"`
	Digest  string     `json:"digest,omitempty"`
	Output  string     `json:"output,omitempty"`
	Batch   int        `json:"batch"`
	Threads int        `json:"threads,omitempty"`
	Inputs  []inputDoc `json:"inputs,omitempty"`
}

// inputDoc tells how a column of the payload becomes an input: Width values a row, 0 for an input of one dimension.
type inputDoc struct {
	Name  string `json:"name"`
	Width int    `json:"width"`
	DType string `json:"dtype"`
}

// reply is the header of an answer. Code is an SQLSTATE where Error is set.
type reply struct {
	ID    int64  `json:"id"`
	Error string `json:"error"`
	Code  string `json:"code"`
	// Ready, Distributed and Threads are of the first frame; Threads, the number of tasks that run at once, and
	// Version, that of ONNX Runtime, are of the answer to open as well.
	Ready       bool   `json:"ready"`
	Distributed string `json:"distributed"`
	Threads     int    `json:"threads"`
	Version     string `json:"version"`
	// Dims, DType, Maps and Bits say what the payload of a run's answer is.
	Dims  []int64 `json:"dims"`
	DType string  `json:"dtype"`
	Maps  bool    `json:"maps"`
	Bits  int     `json:"bits"`
}

// writeFrame writes one frame.
func writeFrame(w io.Writer, header request, payload []byte) error {
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	head := make([]byte, 12, 12+len(text))
	binary.LittleEndian.PutUint32(head, uint32(len(text)))
	binary.LittleEndian.PutUint64(head[4:], uint64(len(payload)))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	_, err = w.Write(payload)
	return err
}

// readFrame reads one frame. io.EOF means that there is none any more.
func readFrame(r io.Reader) (reply, []byte, error) {
	var (
		head [12]byte
		h    reply
	)
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return h, nil, err
	}
	length, size := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint64(head[4:])
	if length > maxHeader || size > maxPayload {
		return h, nil, fmt.Errorf("a frame of %d and %d bytes", length, size)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && len(text) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, nil, fmt.Errorf("a frame's header: %w", err)
	}
	payload, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && len(payload) < int(size) {
		err = io.ErrUnexpectedEOF
	}
	return h, payload, err
}
