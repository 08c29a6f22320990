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
		_, on := spare(t, proxyOptions{args: append([]string{"--artifact-import-dirs", models}, extra...)})
		on.exec(t, "CREATE MODEL late FROM '"+filepath.Join(models, "late.onnx")+"' USING onnx")
		on.exec(t, `CREATE MODEL twice(x int4) RETURNS int4 USING starlark AS $$
def predict(x):
    return x * 2
$$`)
		call := lateCall(t, on)
		answers[i] = on.value(t, "SELECT string_agg(p::text, ',' ORDER BY g) FROM (SELECT g, "+call+" AS p FROM generate_series(1, 3000) AS g) AS s") +
			on.value(t, "SELECT string_agg(p::text || n, ',' ORDER BY p) FROM (SELECT "+call+" AS p, count(*) AS n FROM generate_series(1, 500) AS g GROUP BY 1) AS s") +
			on.value(t, "SELECT predict('twice', 21)::text")
	}
	if answers[0] != answers[1] {
		t.Errorf("the cluster's answers are others:\n%.300s\n%.300s", answers[0], answers[1])
	}
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
