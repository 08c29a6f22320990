package home_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// userServer is a PostgreSQL that stands for the user's own: with TLS, on TCP and on a Unix socket.
type userServer struct {
	port    string
	socket  string
	ca      string // PEM file
	otherCA string
	cert    string // client certificate for the role "certified"
	key     string
}

// startUserServer starts a server that lets alice (password "wonder:land") in from anywhere, certified by certificate
// over TLS only, and bob without a password over the socket.
func startUserServer(t *testing.T, withTLS bool) userServer {
	t.Helper()
	dir := dataDir(t)
	found, err := home.Look(within(t, time.Minute), dir, "", home.FetchNever)
	programs, ok := found.Choice()
	if err != nil || !ok {
		t.Fatal(err, found.Search.Refused)
	}
	ca, other := newAuthority(t, dir, "ca"), newAuthority(t, dir, "other")
	ca.issue(t, dir, "server", "localhost")
	clientCert, clientKey := ca.issue(t, dir, "client", "certified")
	data := filepath.Join(dir, "data")
	script := `set -e
"$BIN/initdb" -D "$DATA" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
cp "$DIR/ca.pem" "$DIR/server.pem" "$DIR/server.key" "$DATA"; chmod 600 "$DATA/server.key"
cat > "$DATA/pg_hba.conf" <<END
local all bob trust
local all postgres trust
host all alice all scram-sha-256
hostssl all certified all cert
END
printf "CREATE ROLE alice LOGIN PASSWORD 'wonder:land'\nCREATE ROLE bob LOGIN\nCREATE ROLE certified LOGIN\n" |
	"$BIN/postgres" --single -D "$DATA" -c fsync=off postgres >/dev/null`
	setup := exec.Command("sh", "-c", script)
	setup.Env = append(os.Environ(), "BIN="+programs.Dir, "DATA="+data, "DIR="+dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	setup.SysProcAttr = asServerUser(t)
	setup.Dir = dir
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := userServer{port: freePort(t), socket: dir, ca: ca.file, otherCA: other.file, cert: clientCert, key: clientKey}
	args := []string{"-D", data, "-c", "listen_addresses=127.0.0.1", "-p", s.port, "-c", "unix_socket_directories=" + dir, "-c", "fsync=off"}
	if withTLS {
		args = append(args, "-c", "ssl=on", "-c", "ssl_cert_file=server.pem", "-c", "ssl_key_file=server.key", "-c", "ssl_ca_file=ca.pem")
	}
	server := exec.Command(filepath.Join(programs.Dir, "postgres"), args...)
	server.SysProcAttr = asServerUser(t)
	server.Dir = dir
	server.Stderr = testLog{t}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
	})
	eventually(t, "the user's server is ready", func() bool {
		raw, _ := os.ReadFile(filepath.Join(data, "postmaster.pid"))
		return strings.Contains(string(raw), "ready")
	})
	return s
}

// freePort is a TCP port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// connect is home.Connect with the test's time and log.
func connect(t *testing.T, uri string) (*home.Remote, error) {
	t.Helper()
	return home.Connect(within(t, time.Minute), uri, logger(t))
}

// loginOver opens a session over a transport of the home.
func loginOver(t *testing.T, h home.Home, user, password string) (*pgconn.PgConn, error) {
	t.Helper()
	c, err := pgconn.ParseConfig("host=127.0.0.1 sslmode=disable dbname=postgres user=" + user)
	if err != nil {
		t.Fatal(err)
	}
	c.Password = password
	c.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, _, err := h.Dial(ctx)
		return conn, err
	}
	return pgconn.ConnectConfig(within(t, time.Minute), c)
}

func TestSSLModes(t *testing.T) {
	t.Parallel()
	withTLS, without := startUserServer(t, true), startUserServer(t, false)
	type modes map[string]struct {
		s      userServer
		uri    string
		tls    bool
		failed string
	}
	for name, c := range (modes{
		"disable":                          {withTLS, "127.0.0.1:%p/postgres?sslmode=disable", false, ""},
		"allow":                            {withTLS, "127.0.0.1:%p/postgres?sslmode=allow", true, ""},
		"prefer":                           {withTLS, "127.0.0.1:%p/postgres?sslmode=prefer", true, ""},
		"no sslmode":                       {withTLS, "127.0.0.1:%p/postgres", true, ""},
		"require":                          {withTLS, "127.0.0.1:%p/postgres?sslmode=require", true, ""},
		"require with another CA":          {withTLS, "127.0.0.1:%p/postgres?sslmode=require&sslrootcert=%o", false, "certificate signed by unknown authority"},
		"verify-ca":                        {withTLS, "127.0.0.1:%p/postgres?sslmode=verify-ca&sslrootcert=%c", true, ""},
		"verify-ca with another CA":        {withTLS, "127.0.0.1:%p/postgres?sslmode=verify-ca&sslrootcert=%o", false, "certificate signed by unknown authority"},
		"verify-full":                      {withTLS, "localhost:%p/postgres?sslmode=verify-full&sslrootcert=%c", true, ""},
		"verify-full with another name":    {withTLS, "127.0.0.1:%p/postgres?sslmode=verify-full&sslrootcert=%c", false, "cannot validate certificate for 127.0.0.1"},
		"Unix socket":                      {withTLS, "/postgres?host=%s&port=%p&sslmode=require", false, ""},
		"second host":                      {withTLS, "127.0.0.1:1,127.0.0.1:%p/postgres?sslmode=require", true, ""},
		"prefer, server without TLS":       {without, "127.0.0.1:%p/postgres?sslmode=prefer", false, ""},
		"allow, server without TLS":        {without, "127.0.0.1:%p/postgres?sslmode=allow", false, ""},
		"require, server without TLS":      {without, "127.0.0.1:%p/postgres?sslmode=require", false, "does not support TLS"},
		"nobody listens":                   {without, "127.0.0.1:1/postgres", false, "connection refused"},
		"no such socket":                   {without, "/postgres?host=/nonexistent", false, "no such file"},
		"verify-ca without a file to read": {without, "127.0.0.1:%p/postgres?sslmode=verify-ca&sslrootcert=/nonexistent", false, "cannot be used"},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uri := "postgres://alice@" + strings.NewReplacer("%p", c.s.port, "%s", c.s.socket, "%c", c.s.ca, "%o", c.s.otherCA).Replace(c.uri)
			h, err := connect(t, uri)
			if c.failed != "" {
				var e *home.Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.failed) || e.Hint == "" {
					t.Fatalf("got %v, want a *home.Error with a hint and %q", err, c.failed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			conn, tlsUp, err := h.Dial(within(t, time.Minute))
			if err != nil || tlsUp != c.tls {
				t.Fatalf("TLS is up: %v, want %v; %v", tlsUp, c.tls, err)
			}
			peer, peerTLS, err := h.DialPeer(within(t, time.Minute), conn)
			if err != nil || peerTLS != c.tls || peer.RemoteAddr().String() != conn.RemoteAddr().String() {
				t.Fatalf("the peer's TLS is up: %v, want %v; %v", peerTLS, c.tls, err)
			}
			peer.Close()
			conn.Close()
			if strings.HasPrefix(c.uri, "/") {
				return // alice may come over TCP only
			}
			session, err := loginOver(t, h, "alice", "wonder:land")
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close(context.Background())
			if got := query(t, session, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); (got == "t") != c.tls {
				t.Errorf("the server says ssl is %s, want %v", got, c.tls)
			}
		})
	}
	t.Run("client certificate", func(t *testing.T) {
		t.Parallel()
		h, err := connect(t, fmt.Sprintf("postgres://certified@localhost:%s/postgres?sslmode=verify-full&sslrootcert=%s&sslcert=%s&sslkey=%s",
			withTLS.port, withTLS.ca, withTLS.cert, withTLS.key))
		if err != nil {
			t.Fatal(err)
		}
		session, err := loginOver(t, h, "certified", "")
		if err != nil {
			t.Fatal(err)
		}
		session.Close(context.Background())
	})
	t.Run("health check", func(t *testing.T) { checkHealth(t, withTLS) })
}

// checkHealth tries the health check with and without a password.
func checkHealth(t *testing.T, s userServer) {
	passfile := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(passfile, []byte("127.0.0.1:"+s.port+":*:alice:wonder\\:land\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"postgres://alice@127.0.0.1:%p/postgres":                      "",
		"postgres://alice:wonder%3Aland@127.0.0.1:%p/postgres":        "",
		"postgres://alice@127.0.0.1:%p/postgres?passfile=" + passfile: "",
		"postgres://alice:hunter2@127.0.0.1:%p/postgres":              "28P01",
		"postgres://alice:wonder%3Aland@127.0.0.1:%p/nowhere":         "3D000",
	} {
		h, err := connect(t, strings.ReplaceAll(uri, "%p", s.port))
		if want == "" && err == nil {
			if strings.Contains(h.Describe(), "wonder") || !strings.Contains(h.Describe(), s.port) {
				t.Errorf("Describe: %s", h.Describe())
			}
			continue
		}
		var e *home.Error
		if !errors.As(err, &e) || e.SQLState() != want {
			t.Errorf("%s: got %v, want %q", uri, err, want)
		}
		if err != nil && strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func TestDialPeerReachesTheSameServer(t *testing.T) {
	t.Parallel()
	accept := func() (net.Listener, chan string) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		who := make(chan string, 8)
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				who <- ln.Addr().String()
				conn.Close()
			}
		}()
		return ln, who
	}
	first, toFirst := accept()
	second, toSecond := accept()
	defer second.Close()
	h, err := home.ParseURI(fmt.Sprintf("postgres://u@%s,%s/d?sslmode=disable", first.Addr(), second.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := h.Dial(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	<-toFirst
	first.Close()
	other, _, err := h.Dial(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	<-toSecond
	if _, _, err := h.DialPeer(within(t, 5*time.Second), conn); err == nil {
		t.Error("the peer of a transport to a server that is gone")
	}
	if _, _, err := h.DialPeer(within(t, 5*time.Second), other); err != nil {
		t.Error(err)
	}
	<-toSecond
	if _, _, err := h.DialPeer(within(t, 5*time.Second), &tls.Conn{}); err == nil {
		t.Error("the peer of a transport of someone else")
	}
}

// fakeServer accepts connections and plays a part on each; n counts them from 0.
func fakeServer(t *testing.T, part func(n int, conn net.Conn)) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			part(n, conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// readStartup reads one packet without a type byte.
func readStartup(conn net.Conn) {
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err == nil {
		io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(length[:]))-4)
	}
}

func TestServerThatIsStartingUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	port := fakeServer(t, func(n int, conn net.Conn) {
		readStartup(conn)
		if n < 2 {
			body := "SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
			fmt.Fprintf(conn, "E%s%s", binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body)
			return
		}
		io.WriteString(conn, "R\x00\x00\x00\x08\x00\x00\x00\x03")
	})
	if _, err := connect(t, "postgres://u@127.0.0.1:"+port+"/d?sslmode=disable"); err != nil {
		t.Error(err)
	}
}

func TestServersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sslmode string
		answer  string
	}{
		"HTTP answers SSLRequest":         {"require", "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"SSLRequest gets no answer":       {"require", ""},
		"TLS that is none":                {"require", "Sgarbage garbage garbage"},
		"garbage answers start-up":        {"disable", "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"a 2 GiB length answers start-up": {"disable", "R\x7f\xff\xff\xff"},
		"start-up gets no answer":         {"disable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := fakeServer(t, func(_ int, conn net.Conn) {
				readStartup(conn)
				io.WriteString(conn, c.answer)
			})
			_, err := connect(t, "postgres://u@127.0.0.1:"+port+"/d?sslmode="+c.sslmode)
			var e *home.Error
			if !errors.As(err, &e) || e.SQLState() != "08006" {
				t.Errorf("got %v, want 08006", err)
			}
		})
	}
}

func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, sslmode := range []string{"require", "prefer", "disable"} {
		t.Run(sslmode, func(t *testing.T) {
			t.Parallel()
			port := fakeServer(t, func(_ int, conn net.Conn) { io.Copy(io.Discard, conn) })
			_, err := connect(t, "postgres://u@127.0.0.1:"+port+"/d?connect_timeout=1&sslmode="+sslmode)
			if err == nil {
				t.Error("a server that says nothing is taken for one")
			}
		})
	}
}

func TestDirectTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	certFile, keyFile := ca.issue(t, dir, "server", "localhost")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	port := fakeServer(t, func(_ int, conn net.Conn) {
		up := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"postgresql"}})
		if up.Handshake() == nil && up.ConnectionState().NegotiatedProtocol == "postgresql" {
			readStartup(up)
			io.WriteString(up, "R\x00\x00\x00\x08\x00\x00\x00\x03")
			bufio.NewReader(up).ReadByte()
		}
	})
	h, err := connect(t, "postgres://u@localhost:"+port+"/d?sslmode=verify-full&sslnegotiation=direct&sslrootcert="+ca.file)
	if err != nil {
		t.Fatal(err)
	}
	conn, tlsUp, err := h.Dial(within(t, time.Minute))
	if err != nil || !tlsUp {
		t.Fatalf("TLS is up: %v; %v", tlsUp, err)
	}
	conn.Close()
}

func TestURIsThatAreRefused(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"postgres://u:sec:ret@h:x/d":                           "port",
		"postgres://u:hidden@h/d?sslmode=maybe":                "sslmode",
		"postgres://u:hidden@h/d?target_session_attrs=primary": "target_session_attrs",
		"postgres://u:hidden@h/d?sslcert=/nonexistent":         "TLS",
		"postgres://u:hid%zzden@h/d":                           "cannot be used",
	} {
		_, err := home.ParseURI(uri)
		var e *home.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v", uri, err)
			continue
		}
		text := e.Error() + e.Detail + e.Hint
		if !strings.Contains(text, want) {
			t.Errorf("%s: got %q, want %q", uri, text, want)
		}
		for _, secret := range []string{"hidden", "sec:ret", "hid%zzden", ":ret"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the error shows %q", uri, secret)
			}
		}
	}
}
