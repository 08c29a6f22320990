package mysql

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// place is where a server is and how its values are read.
type place struct {
	config *driverpkg.Config
	// address is for users: host and port, or the socket.
	address string
	// database is what schema public shows; "" for none.
	database string
	reading  reading
}

// reading says how values are shown that PostgreSQL lacks.
type reading struct {
	// zeroDatesNull shows dates with a zero month or day as NULL; otherwise reading one is an error (22008).
	zeroDatesNull bool
	// tinyintNumbers shows tinyint(1) as smallint; otherwise it is boolean, and reading a value other than 0 and 1 an error.
	tinyintNumbers bool
	// timesAsIntervals shows TIME as interval; otherwise it is time, and reading one outside of a day an error.
	timesAsIntervals bool
}

// parseURI reads the URI of a databackend. Errors name no part that may be a secret.
func parseURI(uri string) (place, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return place{}, invalidURI("it cannot be read as a URI; letters such as @ and / in a password are written as %40 and %2F")
	}
	if u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return place{}, invalidURI("its scheme is neither mysql nor mariadb")
	}
	p := place{config: driverpkg.NewConfig(), database: strings.TrimPrefix(u.Path, "/")}
	if strings.Contains(p.database, "/") {
		return place{}, invalidURI("its path is more than the name of a database")
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	host := u.Hostname()
	if host == "" {
		host = "127.0.0.1"
	}
	c := p.config
	c.Net, c.Addr, c.DBName = "tcp", net.JoinHostPort(host, port), p.database
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Collation = "utf8mb4_bin"
	c.MaxAllowedPacket = 0 // as the server has it
	c.Timeout = 10 * time.Second
	c.ClientFoundRows = true
	for key, values := range u.Query() {
		if err := p.set(key, values[len(values)-1]); err != nil {
			return place{}, err
		}
	}
	p.address = c.Addr
	return p, nil
}

// set takes one parameter of a URI.
func (p *place) set(key, value string) error {
	choose := func(into *bool, no, yes string) error {
		if value != no && value != yes {
			return invalidURI("its parameter " + key + " is neither " + no + " nor " + yes)
		}
		*into = value == yes
		return nil
	}
	switch key {
	case "zero_dates":
		return choose(&p.reading.zeroDatesNull, "error", "null")
	case "tinyint1":
		return choose(&p.reading.tinyintNumbers, "boolean", "smallint")
	case "time":
		return choose(&p.reading.timesAsIntervals, "time", "interval")
	case "tls":
		if value != "true" && value != "false" && value != "skip-verify" && value != "preferred" {
			return invalidURI("its parameter tls is none of true, false, skip-verify and preferred")
		}
		p.config.TLSConfig = value
	case "socket":
		p.config.Net, p.config.Addr = "unix", value
	case "connect_timeout":
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds < 1 {
			return invalidURI("its parameter connect_timeout is no number of seconds")
		}
		p.config.Timeout = time.Duration(seconds) * time.Second
	default:
		return invalidURI("its parameter " + key + " is not known; zero_dates, tinyint1, time, tls, socket and connect_timeout are")
	}
	return nil
}

// invalidURI is the error for a URI that cannot be used.
func invalidURI(why string) error {
	return &backend.Error{Code: "22023", Message: "invalid URI of a databackend: " + why, Hint: "It looks like mysql://user:password@host:3306/database."}
}
