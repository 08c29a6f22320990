package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// newServe makes the subcommand serve.
func newServe() *cobra.Command {
	return withSettings("serve", "Run the proxy",
		"Runs the proxy until SIGTERM or SIGINT. The first one drains: no new connections are taken, running statements and\n"+
			"transactions end, idle sessions are told 57P01, and after drain_timeout the rest is cut. A second one ends at once.\n\n"+
			"Exit codes: 0 ended by a signal, 1 a failure, 2 wrong settings, 3 the data directory is in use, 4 the PostgreSQL behind\n"+
			"cannot be had, 5 an address cannot be listened on, 6 ended at once by a second signal.",
		func(cmd *cobra.Command, l *config.Loaded) error {
			patience, drain, stop := signals(cmd.Context())
			defer stop()
			return serve(patience, drain, cmd, l)
		})
}

// errSignal is the cause of contexts that a signal ended.
var errSignal = errors.New("a signal asked the proxy to end")

// signals gives two contexts: drain ends with the first SIGTERM or SIGINT, patience with the second. stop ends both.
func signals(parent context.Context) (patience, drain context.Context, stop func()) {
	patience, impatient := context.WithCancelCause(parent)
	drain, draining := context.WithCancelCause(patience)
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for _, end := range []context.CancelCauseFunc{draining, impatient} {
			select {
			case <-caught:
				end(errSignal)
			case <-patience.Done():
				return
			}
		}
	}()
	return patience, drain, func() {
		signal.Stop(caught)
		impatient(nil)
		<-watched
	}
}

// serve runs the proxy: everything it is made of is opened in turn, and closed in the opposite order.
func serve(patience, drain context.Context, cmd *cobra.Command, l *config.Loaded) (err error) {
	logger := newLogger(&l.Config, cmd.ErrOrStderr())
	for _, w := range l.Config.Warnings() {
		logger.Warn(w)
	}
	p := &proxy{config: &l.Config, logger: logger}
	defer func() {
		err = errors.Join(err, p.close(patience))
		if err == nil && patience.Err() != nil {
			err = &exit{exitImpatient, errors.New("ended at once by a second signal; sessions were cut")}
		}
	}()
	if err := p.open(drain); err != nil {
		if drain.Err() != nil {
			logger.Info("ended by a signal while starting", "reason", err)
			return nil
		}
		return err
	}
	served := make(chan error, 1)
	go func() { served <- p.inner.Serve(context.WithoutCancel(patience), p.listener) }()
	p.health.start()
	fmt.Fprintf(cmd.OutOrStdout(), "pinnacle-proxy %s is ready: psql %q\n", version, p.connectionString())
	select {
	case err := <-served:
		if errors.Is(err, wire.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("clients cannot be served any more: %w", err)
	case <-drain.Done():
	}
	logger.Info("draining: no new connections; a second signal ends at once", "sessions", p.inner.Connections(), "timeout", l.Config.DrainTimeout)
	p.health.drain()
	deadline, cancel := context.WithTimeout(patience, l.Config.DrainTimeout)
	defer cancel()
	if err := p.inner.Shutdown(deadline); err != nil && patience.Err() == nil {
		logger.Warn("sessions were cut after the drain timeout", "reason", err)
	}
	<-served
	return nil
}

// listen takes an address for clients or for metrics.
func listen(name, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		return ln, nil
	}
	e := &config.Error{Message: fmt.Sprintf("%s %s cannot be listened on: %v", name, address, err)}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Message = fmt.Sprintf("%s %s is taken by another process", name, address)
		e.Hint = fmt.Sprintf("Stop that process, or choose another address with --%s.", strings.ReplaceAll(name, "_", "-"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Hint = "The address is not one of this machine's."
	case errors.Is(err, syscall.EACCES):
		e.Hint = "Ports below 1024 need a right that this user lacks."
	}
	return nil, &exit{exitAddress, e}
}

// connectionString tells a client of this machine how to connect.
func (p *proxy) connectionString() string {
	host, port, _ := net.SplitHostPort(p.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	user, database := p.inner.Home().Account()
	parts := []string{"host=" + host, "port=" + port, "user=" + quoteConnection(user), "dbname=" + quoteConnection(database)}
	if p.config.TLSRequired {
		parts = append(parts, "sslmode=require")
	}
	if p.config.Local() {
		parts = append(parts, "passfile="+quoteConnection(filepath.Join(p.config.DataDir, passFile)))
	}
	return strings.Join(parts, " ")
}

// quoteConnection quotes a value of a connection string where it must be.
func quoteConnection(s string) string {
	if s != "" && !strings.ContainsAny(s, ` '\`) {
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
