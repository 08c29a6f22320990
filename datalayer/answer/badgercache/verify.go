package badgercache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// verifyTables reads all tables of a generation and holds them against their checksums. Badger does so too when it opens
// them, but panics over some that are damaged, in goroutines of its own, which would end the process.
func verifyTables(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := verifyTable(file); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

// verifyTable does so for one table, which is read into memory; tables of a cache have some megabytes.
func verifyTable(file string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("damaged: %v", v)
		}
	}()
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return errors.New("empty")
	}
	id, ok := table.ParseFileID(filepath.Base(file))
	if !ok {
		return errors.New("not the name of a table")
	}
	t, err := table.OpenInMemoryTable(data, id, &table.Options{ChkMode: options.OnTableAndBlockRead, Compression: options.None})
	if err != nil {
		return err
	}
	return t.VerifyChecksum()
}
