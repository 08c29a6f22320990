package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// selfMade writes a certificate for 127.0.0.1 that is its own root, and its key, and gives their paths.
func selfMade(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// tlsURL is the target's URL with other TLS parameters than sslmode=disable.
func tlsURL(on *target, params string) string {
	return strings.Replace(on.url(""), "sslmode=disable", params, 1)
}

// TestTLS logs in over TLS in the ways of libpq's sslmode, and directly, and uses predict there.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := selfMade(t)
	_, on := drained(t, "tls", "--tls-cert", cert, "--tls-key", key)
	on.exec(t, timesModel("MODEL", "double", 2)) // without TLS, which is allowed
	for _, params := range []string{"sslmode=require", "sslmode=prefer", "sslmode=verify-full&sslrootcert=" + cert, "sslmode=require&sslnegotiation=direct"} {
		conn, err := pgx.Connect(t.Context(), tlsURL(on, params))
		if err != nil {
			t.Errorf("%s: %v", params, err)
			continue
		}
		if _, ok := conn.PgConn().Conn().(*tls.Conn); !ok {
			t.Errorf("%s: the connection is %T", params, conn.PgConn().Conn())
		}
		rows, err := collected(t.Context(), conn, "SELECT predict('double', $1), repeat('x', 100000) = 'x'", 21)
		if err != nil || rows != "[42 false]" {
			t.Errorf("%s: %s, %v", params, rows, err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Errorf("%s: %v", params, err)
		}
	}
	if conn, err := pgx.Connect(t.Context(), tlsURL(on, "sslmode=verify-full")); err == nil {
		t.Error("a certificate that nobody vouches for is taken", conn.Close(t.Context()))
	}
	// A handshake that is none ends that connection only.
	broken := on.raw(t, []byte{0, 0, 0, 8, 4, 210, 22, 47})
	one := make([]byte, 1)
	if _, err := broken.Read(one); err != nil || one[0] != 'S' {
		t.Errorf("SSLRequest is answered with %q, %v", one, err)
	}
	_, _ = broken.Write([]byte("this is no ClientHello, and it is long enough to be seen as none"))
	untilClosed(t, broken)
	on.open(t).wantRow(t, "SELECT predict('double', 4)", "8")
}

// TestTLSRequired refuses clients without TLS, and offers no channel binding that could not hold.
func TestTLSRequired(t *testing.T) {
	t.Parallel()
	cert, key := selfMade(t)
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	home, err := world.oracle.newTarget("tls_required", false)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{name: "tls-required", bin: world.bin, dir: t.TempDir(), opts: proxyOptions{databackend: home,
		args: []string{"--tls-cert", cert, "--tls-key", key, "--tls-required"}}}
	if p.port, err = shared.FreePort(); err != nil {
		t.Fatal(err)
	}
	if p.metrics, err = shared.FreePort(); err != nil {
		t.Fatal(err)
	}
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(p.tail(0, 20))
		}
	})
	on, err := p.target()
	if err != nil {
		t.Fatal(err)
	}
	if err := until(30*time.Second, func() error {
		conn, err := pgx.Connect(t.Context(), tlsURL(on, "sslmode=require"))
		if err != nil {
			return err
		}
		return conn.Close(t.Context())
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := on.dial(t.Context()); err == nil || !strings.Contains(err.Error(), "28000") {
		t.Errorf("a client without TLS hears %v, want 28000", err)
	}
	conn, err := tls.Dial("tcp", on.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
	if err != nil {
		t.Fatalf("direct TLS: %v", err)
	}
	defer conn.Close()
	if _, err := conn.Write(startupPacket(3<<16, "user", on.user, "database", on.database)); err != nil {
		t.Fatal(err)
	}
	msg, err := pgproto3.NewFrontend(conn, conn).Receive()
	sasl, ok := msg.(*pgproto3.AuthenticationSASL)
	if err != nil || !ok || len(sasl.AuthMechanisms) != 1 || sasl.AuthMechanisms[0] != "SCRAM-SHA-256" {
		t.Errorf("the mechanisms offered are %v, %v, want SCRAM-SHA-256 alone", msg, err)
	}
}
