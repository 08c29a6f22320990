package config

import "crypto/tls"

// TLS reads the certificate that clients are shown; nil where there is none. An error is an *Error.
func (c *Config) TLS() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, &Error{Message: "the certificate towards clients cannot be used: " + err.Error(),
			Hint: "tls_cert and tls_key name PEM files that belong together."}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}
