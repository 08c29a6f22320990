package integration

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// TestPredictOnDask runs the flights' classifier on the workers of a real cluster, through two strategies, and compares
// with a proxy that runs it itself.
func TestPredictOnDask(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := shared.StartDask(context.Background(), root, t.TempDir(), 2)
	if errors.Is(err, shared.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	}()
	needONNXRuntime(t)
	models := filepath.Join(root, "examples", "flights")
	address := "dask://" + strings.TrimPrefix(cluster.Address(), "tcp://")
	var answers [2]string
	for i, extra := range [][]string{nil, {"--compute", address, "--compute-python", cluster.Python(), "--compute-timeout", "2m"}} {
		p, on := spare(t, proxyOptions{args: append([]string{"--artifact-import-dirs", models}, extra...)})
		on.exec(t, "CREATE MODEL late FROM '"+filepath.Join(models, "late.onnx")+"' USING onnx")
		on.exec(t, `CREATE MODEL twice(x int4) RETURNS int4 USING starlark AS $$
def predict(x):
    return x * 2
$$`)
		call := lateCall(t, on)
		answers[i] = on.value(t, "SELECT string_agg(p::text, ',' ORDER BY g) FROM (SELECT g, "+call+" AS p FROM generate_series(1, 3000) AS g) AS s") +
			on.value(t, "SELECT string_agg(p::text || n, ',' ORDER BY p) FROM (SELECT "+call+" AS p, count(*) AS n FROM generate_series(1, 500) AS g GROUP BY 1) AS s") +
			on.value(t, "SELECT predict('twice', 21)::text") + inTheBackground(t, on, call)
		// What stays in the proxy, the proxy says.
		if said := strings.Contains(p.tail(0, 1_000_000), "those USING starlark and sentence in the proxy"); said != (extra != nil) {
			t.Errorf("with %v the log says where starlark runs: %v", extra, said)
		}
	}
	if answers[0] != answers[1] {
		t.Errorf("the cluster's answers are others:\n%.300s\n%.300s", answers[0], answers[1])
	}
}

// inTheBackground has a listener filled and the model validated, and gives what came of it.
func inTheBackground(t *testing.T, on *target, call string) string {
	t.Helper()
	arguments := strings.TrimSuffix(strings.TrimPrefix(call, "predict('late', "), ")")
	var columns []string
	for i := range strings.Split(on.value(t, "SELECT arguments FROM pinnacle.models WHERE name = 'late'"), ", ") {
		columns = append(columns, "c"+strconv.Itoa(i))
	}
	names := strings.Join(columns, ", ")
	on.exec(t, "CREATE TABLE flown AS SELECT g AS id, x.* FROM generate_series(1, 2000) AS g, LATERAL (SELECT "+arguments+") AS x("+names+")")
	on.exec(t, "ALTER TABLE flown ADD PRIMARY KEY (id), ADD COLUMN late int8 NOT NULL DEFAULT 1")
	on.exec(t, "CREATE LISTENER flown_late ON flown PREDICT late ("+names+")")
	on.eventually(t, "SELECT count(*) FROM flown_late", "[[2000]]")
	on.exec(t, "VALIDATE MODEL late ON (SELECT * FROM (SELECT late, "+lateNames(t, on, columns)+" FROM flown) AS f) TARGET late METRICS (accuracy)")
	return on.value(t, "SELECT string_agg(output::text, ',' ORDER BY id) FROM flown_late") +
		on.value(t, "SELECT value::text || ' of ' || rows FROM pinnacle.metrics WHERE model = 'late' AND metric = 'accuracy'")
}

// lateNames gives the columns the names of the model's arguments, by which VALIDATE finds them.
func lateNames(t *testing.T, on *target, columns []string) string {
	t.Helper()
	var named []string
	for i, argument := range strings.Split(on.value(t, "SELECT arguments FROM pinnacle.models WHERE name = 'late'"), ", ") {
		name, _, _ := strings.Cut(argument, " ")
		named = append(named, columns[i]+" AS "+name)
	}
	return strings.Join(named, ", ")
}

// lateCall is a call of the model late whose arguments depend on g, of the types that the model declares.
func lateCall(t *testing.T, on *target) string {
	t.Helper()
	arguments := on.value(t, "SELECT arguments FROM pinnacle.models WHERE name = 'late'")
	call := "predict('late'"
	for i, argument := range strings.Split(arguments, ", ") {
		value := "(g * " + strconv.Itoa(i+7) + " % 97)"
		if strings.HasSuffix(argument, " text") {
			value = "(ARRAY['UA','AA','DL','B6'])[1 + g % 4]"
		}
		call += ", " + value
	}
	return call + ")"
}
