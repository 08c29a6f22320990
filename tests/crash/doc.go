// Package crash kills proxies by SIGKILL while components are added, changed and removed, and looks at what is left: README.md.
package crash
