package pinnacle_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/jackc/pgx/v5"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

// A program of its own: the proxy with its own PostgreSQL is part of it, and nobody listens on an address.
func Example() {
	dir, err := os.MkdirTemp("", "pinnacle-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	settings := config.Default()
	settings.DataDir = dir
	p, err := pinnacle.Open(ctx, settings, pinnacle.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close(ctx)
	for _, sql := range []string{
		"CREATE TABLE flights (carrier text, distance float8, air_time float8)",
		"INSERT INTO flights VALUES ('AA', 1089, 160), ('B6', 1576, 183), ('UA', 200, NULL), ('UA', 1400, 227)",
		`CREATE MODEL mph(distance float8, air_time float8) RETURNS float8 USING starlark AS $$
def predict(distance, air_time):
    return distance / air_time * 60
$$`} {
		if _, err := p.Execute(ctx, sql); err != nil {
			log.Fatal(err)
		}
	}
	rows, err := p.Execute(ctx, "SELECT carrier, predict('mph', distance, air_time) FROM flights WHERE distance > $1 ORDER BY carrier", 500)
	if err != nil {
		log.Fatal(err)
	}
	var carrier string
	var mph float64
	if _, err := pgx.ForEachRow(rows, []any{&carrier, &mph}, func() error {
		fmt.Printf("%s %.0f mph\n", carrier, mph)
		return nil
	}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// AA 408 mph
	// B6 517 mph
	// UA 370 mph
}
