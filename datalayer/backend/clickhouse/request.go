package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// killPatience is how long a cancelled statement may take to end at the server.
const killPatience = 10 * time.Second

// endMark is the last line of a complete result: in the format's escaping no value is written so.
const endMark = `\.`

// rowFormat is how rows are asked for: TabSeparated, with a last line that tells a whole result from one that an error
// has cut off.
const rowFormat = " FORMAT CustomSeparated"

// settings are those of every statement (ClickHouse documentation, Session settings): NULLs of outer joins, no
// value that is changed in silence, and changes that are done when they are said to be.
func settings() url.Values {
	v := url.Values{}
	for _, s := range strings.Fields(`join_use_nulls=1 transform_null_in=0 union_default_mode=DISTINCT
		session_timezone=UTC date_time_input_format=best_effort date_time_output_format=simple input_format_null_as_default=0
		insert_deduplicate=0 async_insert=0 mutations_sync=2 lightweight_deletes_sync=2 cast_keep_nullable=1 decimal_check_overflow=1
		output_format_decimal_trailing_zeros=1 output_format_json_quote_64bit_integers=0 output_format_json_quote_denormals=1
		output_format_json_quote_decimals=0 output_format_json_escape_forward_slashes=0 output_format_json_named_tuples_as_objects=1
		format_custom_escaping_rule=Escaped cancel_http_readonly_queries_on_client_close=1`) {
		key, value, _ := strings.Cut(s, "=")
		v.Set(key, value)
	}
	v.Set("format_custom_field_delimiter", "\t")
	v.Set("format_custom_row_before_delimiter", "")
	v.Set("format_custom_row_after_delimiter", "\n")
	v.Set("format_custom_result_before_delimiter", "")
	v.Set("format_custom_result_after_delimiter", endMark+"\n")
	return v
}

// send runs a statement. data follow an INSERT. The statement is ended at the server when ctx ends before the answer is
// read and closed.
func (e *Engine) send(ctx context.Context, statement string, data []byte) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain(err)
	}
	id := queryID()
	parameters := settings()
	parameters.Set("query_id", id)
	body := io.Reader(strings.NewReader(statement))
	if data != nil {
		parameters.Set("query", statement)
		body = strings.NewReader(string(data))
	}
	// The request has a context of its own, so that the end of ctx is told to the server first.
	own, cut := context.WithCancel(context.WithoutCancel(ctx))
	a := &answer{engine: e, ctx: ctx, id: id, cut: cut, killed: make(chan struct{})}
	a.stop = context.AfterFunc(ctx, a.kill)
	response, err := e.post(own, parameters, body)
	if err != nil {
		return nil, a.end(unreached(err))
	}
	a.body, a.lines = response.Body, bufio.NewReaderSize(response.Body, 64<<10)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 16<<10)) // what came of it has to do
		return nil, a.end(failure(response.Header.Get("X-ClickHouse-Exception-Code"), strings.TrimSpace(string(text)), response.StatusCode))
	}
	return a, nil
}

// post makes the request.
func (e *Engine) post(ctx context.Context, parameters url.Values, body io.Reader) (*http.Response, error) {
	u := e.base
	u.RawQuery = parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), body)
	if err != nil {
		return nil, err
	}
	if e.user != nil {
		password, _ := e.user.Password()
		request.Header.Set("X-ClickHouse-User", e.user.Username())
		request.Header.Set("X-ClickHouse-Key", password)
	}
	response, err := e.client.Do(request)
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the outer one tells the whole statement
	}
	return response, err
}

// queryID names a statement.
func queryID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // it never fails
	return "pinnacle-" + hex.EncodeToString(raw[:])
}

// answer is the answer to a statement while it is read.
type answer struct {
	engine *Engine
	ctx    context.Context
	id     string
	body   io.ReadCloser
	lines  *bufio.Reader
	// long is the memory of a line that is longer than the buffer.
	long []byte
	// suspect is the last line that looks like an exception.
	suspect string
	cut     context.CancelFunc
	stop    func() bool
	killed  chan struct{}
	ended   bool
	err     error
}

// kill ends the statement at the server, and then the request.
func (a *answer) kill() {
	defer close(a.killed)
	defer a.cut()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), killPatience)
	defer cancel()
	response, err := a.engine.post(ctx, url.Values{}, strings.NewReader("KILL QUERY WHERE query_id = '"+a.id+"' SYNC"))
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil {
		a.engine.log.Warn("could not end a statement at the databackend; its connection is cut", "error", err)
	}
}

// end gives everything back. err is how the answer ended, nil where it was read to its end.
func (a *answer) end(err error) error {
	if a.ended {
		return a.err
	}
	a.ended = true
	if !a.stop() {
		<-a.killed
		if err != nil {
			err = errors.Join(a.ctx.Err(), err)
		}
	}
	if a.body != nil {
		_ = a.body.Close() // nothing of it is wanted any more
	}
	a.cut()
	a.err = explain(err)
	return a.err
}

// leave ends an answer that is not wanted to its end: the server is told so, and waited for.
func (a *answer) leave() {
	if a.ended {
		return
	}
	if a.stop() {
		a.kill()
	}
	_ = a.end(nil) // the caller has all it wanted
}

// line gives the next line of a result without its end, valid until the next call; io.EOF after the last row.
func (a *answer) line() ([]byte, error) {
	if a.ended {
		if a.err != nil {
			return nil, a.err
		}
		return nil, io.EOF
	}
	line, err := a.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		a.long = append(a.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = a.lines.ReadSlice('\n')
			a.long = append(a.long, line...)
		}
		line = a.long
	}
	if err != nil {
		return nil, a.end(a.broken(string(line), err))
	}
	line = line[:len(line)-1]
	if string(line) == endMark {
		_, _ = io.Copy(io.Discard, a.lines) // so that the connection can be used again
		if err := a.end(nil); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	if bytes.HasPrefix(line, []byte("Code: ")) {
		a.suspect = string(line)
	}
	return line, nil
}

// strange is the error for a line that is no row: an exception that came amid the rows, behind which the answer ends.
func (a *answer) strange() error {
	for {
		if _, err := a.line(); err == io.EOF {
			return &backend.Error{Code: "58000", Message: "the databackend gave a row that cannot be read"}
		} else if err != nil {
			return err
		}
	}
}

// exceptionIn finds the code of an error that the server wrote in place of a row. A row may look like one, so it counts
// only where the last line of a whole answer did not come.
func exceptionIn(line string) string {
	if m := regexp.MustCompile(`^Code: (\d+)\. DB::`).FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// broken is the error for an answer without its last line.
func (a *answer) broken(rest string, err error) error {
	for _, text := range []string{rest, a.suspect} {
		if code := exceptionIn(text); code != "" {
			return failure(code, text, 0)
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ask runs a short query and gives its rows as texts, "" for NULL.
func (e *Engine) ask(ctx context.Context, query string) ([][]string, error) {
	a, err := e.send(ctx, query+rowFormat, nil)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for {
		line, err := a.line()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var row []string
		for field := range strings.SplitSeq(string(line), "\t") {
			if field == `\N` {
				row = append(row, "")
				continue
			}
			row = append(row, string(unescape(nil, []byte(field))))
		}
		all = append(all, row)
	}
}

// run runs a statement that gives nothing.
func (e *Engine) run(ctx context.Context, statement string, data []byte) error {
	a, err := e.send(ctx, statement, data)
	if err != nil {
		return err
	}
	rest, err := io.ReadAll(io.LimitReader(a.lines, 64<<10))
	if err == nil {
		if code := exceptionIn(strings.TrimSpace(string(rest))); code != "" {
			err = failure(code, strings.TrimSpace(string(rest)), 0)
		}
	}
	return a.end(err)
}

// unreached is the error for an exchange with the server that has failed, whatever net/http calls it.
func unreached(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &backend.Error{Code: "08006", Message: "lost the connection to the databackend", Detail: err.Error(),
		Hint: "Look whether the server runs, and whether the port of the URI is that of HTTP (8123).", Err: err}
}

// explain makes a *backend.Error of any error; nil stays nil, and errors that already are pass.
func explain(err error) error {
	var own *backend.Error
	var network net.Error
	var found *dialect.ValueError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: err}
	case errors.As(err, &own):
		return err
	case errors.As(err, &found):
		return &backend.Error{Code: found.Code, Message: found.Message, Err: err}
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return unreached(err)
	}
	return &backend.Error{Code: "58000", Message: "the databackend failed", Detail: err.Error(), Err: err}
}

// failure reads an exception of the server's: its number says what it is (ClickHouse's src/Common/ErrorCodes.cpp).
func failure(code, text string, status int) error {
	number, _ := strconv.Atoi(code) // 0 has no meaning of its own
	if number == 0 {
		if m := exceptionIn(text); m != "" {
			number, _ = strconv.Atoi(m)
		}
	}
	out := &backend.Error{Code: "58000", Message: "the databackend failed", Detail: text}
	if number == 0 && status != 0 {
		out.Detail = fmt.Sprintf("HTTP status %d: %.500s", status, text)
	}
	for _, meaning := range []struct {
		numbers       []int
		code, message string
	}{
		{[]int{60, 218}, "42P01", "the relation does not exist at the databackend"},
		{[]int{57}, "42P07", "the relation already exists at the databackend"},
		{[]int{16, 10, 47}, "42703", "the column does not exist at the databackend"},
		{[]int{15, 44}, "42701", "the column already exists at the databackend"},
		{[]int{81}, "3F000", "the database does not exist at the databackend"},
		{[]int{82}, "42P06", "the schema already exists at the databackend"},
		{[]int{394}, "57014", "canceling statement due to user request"},
		{[]int{159, 160, 209}, "57014", "the databackend's time for a statement is over"},
		{[]int{241, 173}, "53200", "the databackend is out of memory"},
		{[]int{243, 240}, "53100", "the databackend's disk is full"},
		{[]int{202, 203}, "53300", "the databackend runs too many statements"},
		{[]int{497, 291, 195}, "42501", "permission denied at the databackend"},
		{[]int{516, 192, 193, 194}, "28000", "the databackend refused the user of its URI"},
		{[]int{164, 242}, "25006", "the databackend does not allow changes"},
		{[]int{349, 53, 131}, "22023", "the databackend does not take a value"},
		{[]int{26, 27, 38, 41, 6, 72, 32, 117, 676, 675, 691}, "22P02", "invalid value"},
		{[]int{69, 407, 440}, "22003", "value out of range"},
		{[]int{153}, "22012", "division by zero"},
		{[]int{469}, "23514", "a check constraint is violated"},
		{[]int{420, 48, 36, 524, 403, 1, 344}, "0A000", "the databackend cannot do this"},
		{[]int{252, 396, 158, 161}, "54000", "a limit of the databackend is exceeded"},
	} {
		for _, n := range meaning.numbers {
			if n == number {
				out.Code, out.Message = meaning.code, meaning.message
			}
		}
	}
	if out.Code == "42P01" || out.Code == "42703" {
		out.Hint = "SELECT pinnacle.refresh() reads the databackend's schema again."
	}
	return out
}
