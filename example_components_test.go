package pinnacle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Components are added, shown, validated and removed by a program as they are by SQL.
func Example_components() {
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
	if _, err := p.Execute(ctx, "CREATE TABLE mail AS SELECT i AS id, i % 9 AS links, i % 9 > 4 OR i % 10 = 0 AS spam FROM generate_series(1, 90) AS i"); err != nil {
		log.Fatal(err)
	}

	// A model, and the same once more, which changes nothing.
	model := datalayer.ModelDefinition{Name: "spam_rule", Runtime: "starlark", HasSource: true, HasArgs: true,
		Args: []udf.Arg{{Name: "links", Type: udf.Int4}}, Returns: udf.Bool, Source: "def predict(links):\n    return links > 4\n"}
	for range 2 {
		added, err := p.Add(ctx, model, datalayer.AddOrReplace, "ada")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("model:", added.Change)
	}

	// A component of any other kind is its definition as JSON.
	definition, err := json.Marshal(component.DatasetDefinition{Query: "SELECT links, spam FROM mail WHERE id <= 45"})
	if err != nil {
		log.Fatal(err)
	}
	added, err := p.AddComponent(ctx, datalayer.Request{Kind: component.KindDataset, Name: "early", Definition: definition, By: datalayer.Requester{User: "ada"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("dataset:", added.Change)

	figures, err := p.Validate(ctx, "spam_rule@1", component.ValidationDefinition{Dataset: "early", Target: "spam", Metrics: []string{"accuracy", "recall"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range figures {
		fmt.Printf("%s of version %d: %.3f over %d rows\n", f.Metric, f.Version, *f.Value, f.Rows)
	}

	answers, err := p.Predict(ctx, "spam_rule", 0, udf.Column{Type: udf.Int4, Ints: []int64{1, 8}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("predicted:", answers.Bools)

	models, err := p.Show(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range models {
		fmt.Println("there is", m.Name, "version", m.Version)
	}
	if _, err := p.Remove(ctx, "spam_rule", 0, false); err != nil {
		log.Fatal(err)
	}
	_, err = p.Predict(ctx, "spam_rule", 0, udf.Column{Type: udf.Int4, Ints: []int64{1}})
	fmt.Println("removed:", err)
	// Output:
	// model: new
	// model: same
	// dataset: new
	// accuracy of version 1: 0.911 over 45 rows
	// recall_binary of version 1: 0.833 over 45 rows
	// predicted: [false true]
	// there is spam_rule version 1
	// removed: model "spam_rule" does not exist
}
