package conformance

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// mongodb is a SecantusDB, which speaks MongoDB's protocol. Its collections have validators that declare the columns.
func mongodb() *engine {
	const (
		savepoints = "MongoDB has no savepoints, so a change cannot be undone alone (0A000)"
		years      = "SecantusDB has the years 1 to 9999 only"
	)
	return &engine{
		name:  "mongodb",
		slow:  true,
		shown: map[kind]string{foldedText: "text", timestampKind: "timestamp(3) without time zone", timestamptzKind: "timestamp(3) with time zone"},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			server, err := lab.StartScript(t.Context(), "secantusdb", dir)
			if err != nil {
				return "", fmt.Errorf("%w: %w", lab.ErrNotInstalled, err)
			}
			t.Cleanup(func() {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			})
			uri := fmt.Sprintf("mongodb://127.0.0.1:%d/common", server.Port)
			return uri, loadMongoDB(t.Context(), uri, tables)
		},
		limits: limitsOf(map[string]string{
			"inserts:kinds-dates-far": years, "inserts:kinds-date-before-christ": years, "inserts:kinds-date-infinity": "MongoDB's dates have no infinity (22008)",
			"inserts:kinds-arrays":            "MongoDB stores arrays of one dimension that count from 1 (0A000)",
			"transactions:savepoint-rollback": savepoints, "transactions:savepoint-after-error": savepoints, "transactions:savepoints-nested": savepoints,
			"transactions:savepoint-same-name": savepoints, "transactions:cursor-survives-savepoint": savepoints,
			"transactions:do-block-error-is-caught": savepoints,
			"transactions:serializable":             "MongoDB's transactions are not serializable (0A000)",
		}),
		lacks: map[string]string{"savepoints": "MongoDB has none"},
	}
}

// loadMongoDB makes the collections.
func loadMongoDB(ctx context.Context, uri string, tables []table) (err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Disconnect(ctx)) }()
	db := client.Database("common")
	for _, t := range tables {
		if err := loadCollection(ctx, db, t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// loadCollection makes one collection, its keys, and its documents.
func loadCollection(ctx context.Context, db *mongo.Database, t table) error {
	properties, required := bson.D{{Key: "_id", Value: bson.D{}}}, bson.A{}
	for _, c := range t.columns {
		p := bson.D{{Key: "description", Value: "postgres: " + c.kind.postgres()}}
		if stored := mongoType(c.kind); stored != "" {
			names := bson.A{stored}
			if !c.notNull {
				names = append(names, "null")
			}
			p = append(p, bson.E{Key: "bsonType", Value: names})
		}
		properties = append(properties, bson.E{Key: c.name, Value: p})
		if c.notNull {
			required = append(required, c.name)
		}
	}
	schema := bson.D{{Key: "bsonType", Value: "object"}, {Key: "description", Value: "postgres: table"}, {Key: "additionalProperties", Value: false}, {Key: "properties", Value: properties}}
	if len(required) > 0 {
		schema = append(schema, bson.E{Key: "required", Value: required})
	}
	if err := db.CreateCollection(ctx, t.name, options.CreateCollection().SetValidator(bson.D{{Key: "$jsonSchema", Value: schema}})); err != nil {
		return err
	}
	documents := db.Collection(t.name)
	for name, columns := range map[string][]string{t.name + "_pkey": t.key, t.name + "_" + t.unique + "_key": {t.unique}} {
		keys := bson.D{}
		for _, column := range columns {
			if column != "" {
				keys = append(keys, bson.E{Key: column, Value: 1})
			}
		}
		if len(keys) == 0 {
			continue
		}
		if _, err := documents.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: options.Index().SetName(name).SetUnique(true)}); err != nil {
			return err
		}
	}
	for rows := range slices.Chunk(t.rows, 1000) {
		var batch []any
		for _, row := range rows {
			document := bson.D{}
			for i, v := range row {
				if v == nil {
					continue
				}
				stored, err := mongoValue(t.columns[i].kind, fmt.Sprint(v))
				if err != nil {
					return fmt.Errorf("%s: %w", t.columns[i].name, err)
				}
				document = append(document, bson.E{Key: t.columns[i].name, Value: stored})
			}
			batch = append(batch, document)
		}
		if _, err := documents.InsertMany(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// mongoType is the stored type of a kind; "" for any.
func mongoType(k kind) string {
	switch k {
	case boolKind:
		return "bool"
	case int2Kind, int4Kind:
		return "int"
	case int8Kind:
		return "long"
	case float8Kind:
		return "double"
	case dateKind, timestampKind, timestamptzKind:
		return "date"
	case uuidKind, byteaKind:
		return "binData"
	case jsonbKind:
		return ""
	case int4sKind, textsKind:
		return "array"
	}
	if strings.HasPrefix(string(k), "numeric") && k != longKind {
		return "decimal"
	}
	return "string"
}

// mongoValue is a value as it is stored.
func mongoValue(k kind, text string) (any, error) {
	switch k {
	case boolKind:
		return text == "true" || text == "t", nil
	case int2Kind, int4Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), err
	case int8Kind:
		return strconv.ParseInt(text, 10, 64)
	case float8Kind:
		return strconv.ParseFloat(text, 64)
	case dateKind:
		at, err := time.Parse(time.DateOnly, text)
		return bson.NewDateTimeFromTime(at), err
	case timestampKind, timestamptzKind:
		at, err := time.Parse("2006-01-02 15:04:05.999999", strings.TrimSuffix(text, "+00"))
		return bson.NewDateTimeFromTime(at.Round(time.Millisecond)), err
	case uuidKind:
		data, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
		return bson.Binary{Subtype: 4, Data: data}, err
	case byteaKind:
		data, err := hex.DecodeString(text[2:])
		return bson.Binary{Data: data}, err
	case jsonbKind:
		return mongoJSON(text)
	case int4sKind, textsKind:
		return mongoArray(k, text)
	}
	if mongoType(k) == "decimal" {
		return bson.ParseDecimal128(text)
	}
	return text, nil
}

// mongoJSON is a JSON text as it is stored: a number with a fraction is a decimal, which keeps its zeros.
func mongoJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return mongoTree(v)
}

// mongoTree turns decoded JSON into what is stored.
func mongoTree(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		document := bson.D{}
		for name, value := range v {
			if value, err = mongoTree(value); err != nil {
				return nil, err
			}
			document = append(document, bson.E{Key: name, Value: value})
		}
		return document, nil
	case []any:
		list := bson.A{}
		for _, value := range v {
			if value, err = mongoTree(value); err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return bson.ParseDecimal128(v.String())
	}
	return v, nil
}

// mongoArray is an array of the common tables, whose elements are quoted by backslashes.
func mongoArray(k kind, text string) (any, error) {
	list := bson.A{}
	var word strings.Builder
	inner, open, quoted, escaped := strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}"), false, false, false
	end := func() error {
		switch {
		case !quoted && strings.EqualFold(word.String(), "null"):
			list = append(list, nil)
		case k == int4sKind:
			n, err := strconv.ParseInt(word.String(), 10, 32)
			if err != nil {
				return err
			}
			list = append(list, int32(n))
		default:
			list = append(list, word.String())
		}
		word.Reset()
		quoted = false
		return nil
	}
	for _, c := range inner {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			open, quoted = !open, true
		case c == ',' && !open:
			if err := end(); err != nil {
				return nil, err
			}
		default:
			word.WriteRune(c)
		}
	}
	if inner == "" {
		return list, nil
	}
	return list, end()
}
