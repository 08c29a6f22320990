// Package integration tests the built pinnacle-proxy from outside: real servers, real clients, bytes on sockets. It
// knows nothing of the project's packages. README.md says how to run it and how to add a case.
package integration
