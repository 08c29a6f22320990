package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

func TestDrawJobs(t *testing.T) {
	t.Parallel()
	total, percent, rate, left := int64(200), 45.0, 12.4, 9.9
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ended := began.Add(1500 * time.Millisecond)
	got := drawJobs([]jobLine{
		{ID: 1, Kind: "validate", Component: "m", State: "succeeded", Done: 90, Attempt: 1, StartedAt: &began, FinishedAt: &ended},
		{ID: 2, Kind: "listener_backfill", Component: "late", State: "running", Done: 90, Total: &total, Percent: &percent, Rate: &rate, Left: &left, Attempt: 2, StartedAt: &began},
		{ID: 3, Kind: "x", State: "pending"},
		{ID: 4, Kind: "x", State: "failed", Attempt: 1, Error: "red \x1b[31m\n" + strings.Repeat("ü", 200)},
	})
	want := "     1  succeeded  validate            m                     90 rows  in 1.5s\n" +
		"     2  running    listener_backfill   late                  [#########-----------]  45.0 %  90/200 rows  12/s  9s left  attempt 2\n" +
		"     3  pending    x                                         \n" +
		"     4  failed     x                                         red  [31m " + strings.Repeat("ü", 89) + "…\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if drawJobs(nil) != "no jobs\n" {
		t.Error("no jobs are drawn")
	}
}

func TestProxyTarget(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen, c.Databackend = "0.0.0.0:7000", "postgres://ada@db.example.com:5433/data?sslmode=verify-full"
	target, err := proxyTarget(&c)
	if err != nil || target.Host != "127.0.0.1" || target.Port != 7000 || target.User != "ada" || target.Database != "data" || target.TLSConfig != nil {
		t.Errorf("%+v, %v", target, err)
	}
	c.Listen = "127.0.0.1:0"
	if _, err := proxyTarget(&c); err == nil {
		t.Error("port 0 is one to connect to")
	}
}
