package home

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// The names of what the data directory holds for logins, and of the local PostgreSQL's roles.
const (
	// PassFile is the password file for the user pinnacle, in the data directory.
	PassFile = "pgpass"
	// secretFile holds the password of the proxy's own superuser.
	secretFile = "postgres.secret"
	// User is the role that clients log in as, owner of the database that bears its name too.
	User = "pinnacle"
	// superuser is the role that the proxy itself uses.
	superuser = "pinnacle_superuser"
)

// secrets are the generated passwords of the local PostgreSQL.
type secrets struct {
	user, superuser string
	// fresh says that at least one was made just now, so that the cluster does not know it yet.
	fresh bool
}

// loadSecrets reads the passwords from the data directory and makes those that are not there.
func loadSecrets(dir string) (secrets, error) {
	var s secrets
	var err error
	if s.user, err = readPassFile(filepath.Join(dir, PassFile)); err != nil {
		return s, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, &Error{Code: codeIO, Message: "the local PostgreSQL's secret cannot be read", Err: err}
	}
	s.superuser = strings.TrimSpace(string(raw))
	for _, password := range []*string{&s.user, &s.superuser} {
		if *password == "" {
			*password, s.fresh = rand.Text(), true
		}
	}
	return s, nil
}

// save writes both passwords with mode 0600; address is what clients connect to.
func (s secrets) save(dir, address string) error {
	if err := writeFile(filepath.Join(dir, secretFile), []byte(s.superuser+"\n")); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, PassFile), passFile(address, s.user))
}

// passFile is a password file (PostgreSQL documentation, "The Password File") with a line for each name that a client
// may give to the listen address: the loopback names where it is one of them, any name for a wildcard address.
func passFile(address, password string) []byte {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = "", ""
	}
	if port == "" || port == "0" {
		port = "*"
	}
	hosts := []string{host}
	ip := net.ParseIP(host)
	switch {
	case host == "" || ip != nil && ip.IsUnspecified():
		hosts = []string{"*"}
	case host == "localhost" || ip != nil && ip.IsLoopback():
		hosts = []string{host, "localhost"}
		if host == "localhost" {
			hosts = []string{"localhost", "127.0.0.1", "::1"}
		}
	}
	var out bytes.Buffer
	out.WriteString("# Written by pinnacle-proxy at each start; the password itself is kept.\n")
	for _, h := range hosts {
		fmt.Fprintf(&out, "%s:%s:*:%s:%s\n", passField(h), port, User, passField(password))
	}
	return out.Bytes()
}

// passField escapes a field of a password file.
func passField(s string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(s)
}

// readPassFile gives the password of the user pinnacle in a password file; "" where there is no file or no such line.
func readPassFile(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &Error{Code: codeIO, Message: "the password file cannot be read", Err: err}
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		if f := passFields(lines.Text()); len(f) == 5 && f[3] == User {
			return f[4], nil
		}
	}
	return "", nil
}

// passFields splits a line of a password file; nil for a comment.
func passFields(line string) []string {
	if strings.HasPrefix(line, "#") {
		return nil
	}
	fields := []string{""}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			i++
			fields[len(fields)-1] += line[i : i+1]
		case c == ':':
			fields = append(fields, "")
		default:
			fields[len(fields)-1] += line[i : i+1]
		}
	}
	return fields
}

// writeFile replaces a file, whole or not at all, with mode 0600.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return &Error{Code: codeIO, Message: "a file of the data directory cannot be written", Err: err}
	}
	return syncDirectory(filepath.Dir(path))
}
