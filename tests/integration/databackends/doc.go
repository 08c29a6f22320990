// Package databackends tests the built proxy before databases other than PostgreSQL when things go wrong: the server ends in
// the middle of a statement, the network is cut or silent, the schema changes under a session, there is no space left, many
// clients come at once. It knows the proxy from outside only.
package databackends
