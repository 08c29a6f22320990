package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// clients is how many connections pgbench opens. Two threads drive them.
const clients = 8

// transactions compares pgbench's read-only transaction (one SELECT by primary key) through the proxy, PgBouncer and
// nothing, in the simple protocol and with prepared statements.
//
// The peer is PgBouncer with pool_mode=session, for it does what the proxy does: a client keeps one server connection.
// pool_mode=transaction is measured too, without prepared statements, which PgBouncer has there only since 1.21.
//
// The first seconds of each run are not counted. PgBouncer keeps its server connections from one run to the next; through
// the proxy, and without either, each run has server processes that are new, and until these have touched the pages of
// the table once, a transaction takes twice the time in the server. Who has long sessions pays that once.
func transactions(ctx context.Context, s *settings, r *report) error {
	type way struct {
		name string
		at   *endpoint
		tps  []float64
		cpu  []float64
	}
	for _, mode := range []string{"simple", "prepared"} {
		ways := []*way{{name: "direct", at: &s.direct}, {name: "PgBouncer session", at: &s.session}, {name: "proxy", at: &s.proxy}}
		if mode == "simple" {
			ways = append(ways, &way{name: "PgBouncer transaction", at: &s.transaction})
		}
		for round := range s.rounds {
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				tps, cpu, err := pgbench(ctx, s, w.at, mode)
				if err != nil {
					return fmt.Errorf("%s: %w", w.name, err)
				}
				w.tps, w.cpu = append(w.tps, tps), append(w.cpu, cpu)
			}
		}
		for _, w := range ways {
			r.add(fmt.Sprintf("pgbench -S -M %s, %d clients: %s", mode, clients, w.name), "tps", w.tps)
		}
		for _, w := range ways[1:] {
			r.add(fmt.Sprintf("processor time, -M %s: %s", mode, w.name), "µs/transaction", w.cpu)
		}
		r.ratio(fmt.Sprintf("tps, -M %s: proxy / PgBouncer session", mode), ways[2].tps, ways[1].tps, 0.9)
		r.ratio(fmt.Sprintf("tps, -M %s: proxy / direct", mode), ways[2].tps, ways[0].tps, noAim)
		if len(ways) > 3 {
			r.ratio(fmt.Sprintf("tps, -M %s: proxy / PgBouncer transaction", mode), ways[2].tps, ways[3].tps, noAim)
		}
		r.ratio(fmt.Sprintf("processor time, -M %s: proxy / PgBouncer session", mode), ways[2].cpu, ways[1].cpu, noAim)
	}
	return nil
}

// pgbench runs s.warm and then s.seconds seconds, and gives transactions per second of the latter and the processor time
// that the server at took for one, in microseconds. A transaction that failed is an error.
func pgbench(ctx context.Context, s *settings, at *endpoint, mode string) (tps, cpu float64, err error) {
	end := s.warm + s.seconds
	// One second more, because pgbench may end before it has reported its last one.
	cmd := exec.CommandContext(ctx, "pgbench", "-S", "-n", "-M", mode, "-c", strconv.Itoa(clients), "-j", "2",
		"-T", strconv.Itoa(end+1), "-P", "1", "-h", "127.0.0.1", "-p", strconv.Itoa(at.port), "-U", s.user, s.database)
	var out bytes.Buffer
	cmd.Stdout = &out
	lines, err := cmd.StderrPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w", err)
	}
	m := &meter{at: at, from: float64(s.warm), to: float64(end)}
	readErr := m.read(io.TeeReader(lines, &out))
	if err := cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w\n%s", err, &out)
	}
	if failedLine.Match(out.Bytes()) {
		return 0, 0, fmt.Errorf("pgbench had failed transactions:\n%s", &out)
	}
	if readErr != nil {
		return 0, 0, fmt.Errorf("%w\n%s", readErr, &out)
	}
	return m.transactions / m.seconds, float64(m.cpu.Microseconds()) / m.transactions, nil
}

// failedLine counts transactions that failed.
var failedLine = regexp.MustCompile(`(?m)^number of failed transactions: ([1-9][0-9]*)`)

// progressLine is what pgbench -P reports: the seconds since its start, and transactions per second since the line before.
var progressLine = regexp.MustCompile(`^progress: ([0-9.]+) s, ([0-9.]+) tps`)

// meter adds up what pgbench reports between two times after its start, in seconds.
type meter struct {
	at       *endpoint
	from, to float64
	// transactions ran in so many seconds, for which the server took cpu.
	transactions, seconds float64
	cpu                   time.Duration
}

// read reads pgbench's lines to the end. The error says what is missing.
func (m *meter) read(lines io.Reader) error {
	in := bufio.NewScanner(lines)
	var last float64
	var before time.Duration
	var err error
	if m.from == 0 {
		before, err = m.at.processor()
	}
	for in.Scan() {
		found := progressLine.FindStringSubmatch(in.Text())
		if found == nil || err != nil || last >= m.to {
			continue
		}
		now, _ := strconv.ParseFloat(found[1], 64)
		tps, _ := strconv.ParseFloat(found[2], 64)
		var used time.Duration
		used, err = m.at.processor()
		switch {
		case last >= m.from:
			m.transactions += tps * (now - last)
			m.seconds += now - last
			m.cpu = used - before
		case now >= m.from:
			before = used
		}
		last = now
	}
	switch {
	case err != nil:
		return err
	case m.transactions == 0:
		return errors.New("pgbench reported no transactions")
	}
	return in.Err()
}
