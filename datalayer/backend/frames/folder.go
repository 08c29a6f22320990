package frames

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// format is the form of a file of data frames.
type format string

// The formats, in the order in which they are preferred where several files would be a table of one name.
const (
	parquet format = "parquet"
	arrow   format = "arrow"
	csv     format = "csv"
	tsv     format = "tsv"
	ndjson  format = "ndjson"
)

var preferred = []format{parquet, arrow, csv, tsv, ndjson}

// formats are the endings of files.
var formats = map[string]format{".parquet": parquet, ".pq": parquet, ".arrow": arrow, ".feather": arrow, ".ipc": arrow,
	".csv": csv, ".tsv": tsv, ".ndjson": ndjson, ".jsonl": ndjson}

// part is the name of a file that is one of several of a table: a number or a date behind a hyphen, "orders-0001",
// "orders-2024-01".
var part = regexp.MustCompile(`^(.+?)-[0-9][0-9_-]*$`)

// frame is one table of the folder.
type frame struct {
	name   string
	format format
	// files are its files, in the order of their names.
	files []string
	// several says that it is made of parts, a directory or numbered files, even if there is one.
	several bool
	// state tells when a file was changed, added or removed.
	state string
}

// list finds the tables of a folder: each file of a known ending, files that are numbered, and directories with files of
// one format.
func list(dir string) ([]frame, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[string]map[format]*frame{}
	add := func(name string, f format, several bool, path string, info os.FileInfo) {
		if found[name] == nil {
			found[name] = map[format]*frame{}
		}
		if found[name][f] == nil {
			found[name][f] = &frame{name: name, format: f}
		}
		t := found[name][f]
		t.several = t.several || several || len(t.files) > 0
		t.files = append(t.files, path)
		t.state += fmt.Sprintf("%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			continue // it is gone again
		}
		if info.IsDir() {
			inside, err := os.ReadDir(path)
			if err != nil {
				continue
			}
			for _, i := range inside {
				if f, ok := formats[strings.ToLower(filepath.Ext(i.Name()))]; ok && !strings.HasPrefix(i.Name(), ".") {
					if info, err := i.Info(); err == nil && info.Mode().IsRegular() {
						add(e.Name(), f, true, filepath.Join(path, i.Name()), info)
					}
				}
			}
			continue
		}
		ending := filepath.Ext(e.Name())
		f, ok := formats[strings.ToLower(ending)]
		if !ok {
			continue
		}
		stem := strings.TrimSuffix(e.Name(), ending)
		if m := part.FindStringSubmatch(stem); m != nil {
			add(m[1], f, true, path, info)
		} else {
			add(stem, f, false, path, info)
		}
	}
	return chosen(found), nil
}

// chosen gives each table its name: the preferred format has the plain one, further ones have their format behind it.
func chosen(found map[string]map[format]*frame) []frame {
	var all []frame
	for name, of := range found {
		first := true
		for _, f := range preferred {
			t := of[f]
			if t == nil {
				continue
			}
			if t.name = name; !first {
				t.name = name + "_" + string(f)
			}
			first = false
			all = append(all, *t)
		}
	}
	slices.SortFunc(all, func(a, b frame) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b frame) bool { return a.name == b.name })
}

// readOnly says why a table cannot be changed, "" if it can.
func (f frame) readOnly() string {
	switch {
	case f.several:
		return "It is made of several files; only tables of one file are rewritten."
	case f.format == arrow:
		return "Arrow files are read only here; parquet files can be written."
	}
	return ""
}

// quote writes a name, text a string of DuckDB's.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// reading is the table function that reads files. columns are the columns of a text format with their types, where they
// are known; without them DuckDB looks at all rows to find them.
func reading(f format, files []string, columns string) string {
	quoted := make([]string, len(files))
	for i, file := range files {
		quoted[i] = text(file)
	}
	paths := "[" + strings.Join(quoted, ", ") + "]"
	types := "sample_size = -1"
	if columns != "" {
		types = "columns = " + columns
	}
	switch f {
	case parquet, arrow:
		return "read_parquet(" + paths + ", union_by_name = true)"
	case ndjson:
		return "read_json(" + paths + ", format = 'newline_delimited', union_by_name = true, " + types + ")"
	case tsv:
		types += `, delim = '\t'`
	}
	if columns != "" && len(files) > 1 {
		types = strings.Replace(types, "columns = ", "types = ", 1) // a file may lack some of them
	}
	if columns == "" || len(files) > 1 {
		types += ", union_by_name = true"
	}
	return "read_csv(" + paths + ", header = true, allow_quoted_nulls = false, " + types + ")"
}

// writing are the options with which COPY writes a format.
func writing(f format) string {
	switch f {
	case csv:
		return "FORMAT csv, HEADER"
	case tsv:
		return `FORMAT csv, HEADER, DELIM '\t'`
	case ndjson:
		return "FORMAT json"
	}
	return "FORMAT parquet"
}
