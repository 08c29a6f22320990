package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// clients is how many connections pgbench opens. Two threads drive them.
const clients = 8

// transactions compares pgbench's read-only transaction (one SELECT by primary key) through the proxy, PgBouncer and
// nothing, in the simple protocol and with prepared statements.
//
// The peer is PgBouncer with pool_mode=session, for it does what the proxy does: a client keeps one server connection.
// pool_mode=transaction is measured too, without prepared statements, which PgBouncer has there only since 1.21.
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
		for _, w := range ways { // caches and plans warm, unmeasured
			if _, err := pgbench(ctx, s, w.at.port, mode, 1); err != nil {
				return err
			}
		}
		for round := range s.rounds {
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				before, err := w.at.processor()
				if err != nil {
					return err
				}
				tps, err := pgbench(ctx, s, w.at.port, mode, s.seconds)
				if err != nil {
					return fmt.Errorf("%s: %w", w.name, err)
				}
				after, err := w.at.processor()
				if err != nil {
					return err
				}
				w.tps = append(w.tps, tps)
				w.cpu = append(w.cpu, float64((after-before).Microseconds())/(tps*float64(s.seconds)))
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

// tpsLine is the line of pgbench's report that does not count the time to connect.
var tpsLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)`)

// failedLine counts transactions that failed.
var failedLine = regexp.MustCompile(`(?m)^number of failed transactions: ([1-9][0-9]*)`)

// pgbench runs for some seconds and gives transactions per second. A transaction that failed is an error.
func pgbench(ctx context.Context, s *settings, port int, mode string, seconds int) (float64, error) {
	cmd := exec.CommandContext(ctx, "pgbench", "-S", "-n", "-M", mode, "-c", strconv.Itoa(clients), "-j", "2",
		"-T", strconv.Itoa(seconds), "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", s.user, s.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	if failedLine.Match(out) {
		return 0, fmt.Errorf("pgbench had failed transactions:\n%s", out)
	}
	found := tpsLine.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("pgbench printed no tps:\n%s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
