// Package wire speaks PostgreSQL's protocol 3 with clients and relays it to the PostgreSQL behind ("home"). It knows
// frames, transactions and batches, but not what SQL means: an Interceptor picks the messages that it answers itself.
package wire

import (
	"context"
	"net"
)

// Server accepts client connections and pairs each with a connection to home.
type Server struct {
	cfg            Config
	home           Home
	newInterceptor func(Session) Interceptor
	observer       Observer
}

// NewServer makes a Server. newInterceptor is called once a session, after authentication; a nil newInterceptor relays
// everything. obs may be nil.
func NewServer(cfg Config, home Home, newInterceptor func(Session) Interceptor, obs Observer) *Server {
	if obs == nil {
		obs = unobserved{}
	}
	return &Server{cfg: cfg.withDefaults(), home: home, newInterceptor: newInterceptor, observer: obs}
}

// Serve accepts connections on ln until Shutdown is called or ctx ends (which drains as Shutdown does), and returns when
// every session that it started has ended. It may be called for several listeners. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { return errNotBuilt }

// Shutdown drains: listeners are closed, idle sessions are told 57P01 and closed, busy ones when they become idle
// outside a transaction; when ctx ends the rest is cut. It returns when all sessions have ended.
func (s *Server) Shutdown(ctx context.Context) error { return errNotBuilt }

// Connections is the number of client sessions at the moment.
func (s *Server) Connections() int { return 0 }
