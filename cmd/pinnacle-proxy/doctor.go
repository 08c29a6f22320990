package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

// doctorTimeout bounds all checks together.
const doctorTimeout = time.Minute

// verdict is what a check says.
type verdict string

// The verdicts.
const (
	fine    verdict = "ok"
	doubt   verdict = "warn"
	failure verdict = "FAIL"
)

// finding is the outcome of one check.
type finding struct {
	verdict verdict
	subject string
	text    string
	// mend says what to do; "" where nothing is to be done.
	mend string
}

// newDoctor makes the subcommand doctor.
func newDoctor() *cobra.Command {
	return withSettings("doctor", "Check what the machine has, and say how to mend what is missing",
		"Checks what serve would need with the same settings: PostgreSQL, the databackend, ONNX Runtime, psql, addresses, the data directory,\n"+
			"room on disk, open files. Each line says ok, warn or FAIL. It changes nothing. Exit code 1 if a check failed.",
		func(cmd *cobra.Command, l *config.Loaded) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorTimeout)
			defer cancel()
			failed := 0
			for _, f := range examine(ctx, &l.Config) {
				f.print(cmd.OutOrStdout())
				if f.verdict == failure {
					failed++
				}
			}
			if failed > 0 {
				return &exit{exitFailure, fmt.Errorf("%d of the checks failed", failed)}
			}
			return nil
		})
}

// print writes the finding as one line, and what to do as a second.
func (f finding) print(w io.Writer) {
	fmt.Fprintf(w, "%-4s  %s: %s\n", f.verdict, f.subject, f.text)
	if f.mend != "" {
		fmt.Fprintf(w, "      %s\n", f.mend)
	}
}

// examine makes all checks.
func examine(ctx context.Context, c *config.Config) []finding {
	var out []finding
	for _, w := range c.Warnings() {
		out = append(out, finding{doubt, "settings", w, ""})
	}
	if _, err := c.TLS(); err != nil {
		out = append(out, fromError("certificate", err))
	}
	data, running := checkDataDir(c)
	out = append(out, checkHome(ctx, c), checkONNX(ctx, c), checkPsql())
	if c.Foreign() {
		out = append(out, checkDatabackend(ctx, c))
	}
	out = append(out, data...)
	out = append(out, checkAddress("listen", c.Listen, running))
	if c.MetricsListen != "" {
		out = append(out, checkAddress("metrics_listen", c.MetricsListen, running))
	}
	return append(out, checkDisk(c), checkOpenFiles(c))
}

// fromError is the finding that an error makes.
func fromError(subject string, err error) finding {
	detail, hint := explain(err)
	text := err.Error()
	if detail != "" {
		text += " (" + detail + ")"
	}
	var e *exit
	if errors.As(err, &e) {
		text = e.Error()
	}
	return finding{failure, subject, text, hint}
}
