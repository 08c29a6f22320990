package frames

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	files "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// converted gives parquet files with the rows of Arrow files, which DuckDB does not read itself. They are made when the
// Arrow files changed, in a directory that goes with the engine.
func (e *engine) converted(ctx context.Context, f frame) ([]string, error) {
	if e.scratch == "" {
		dir, err := os.MkdirTemp(e.options.TempDirectory, "frames-*")
		if err != nil {
			return nil, err
		}
		e.scratch = dir
	}
	var out []string
	for i, file := range f.files {
		to := filepath.Join(e.scratch, f.name+"-"+strconv.Itoa(i)+".parquet")
		if err := toParquet(ctx, file, to+".new"); err != nil {
			return nil, err
		}
		if err := os.Rename(to+".new", to); err != nil { // who reads the old one goes on with it
			return nil, err
		}
		out = append(out, to)
	}
	return out, nil
}

// toParquet converts a file of Arrow's IPC file format, which is Feather version 2, batch by batch.
func toParquet(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	reader, err := ipc.NewFileReader(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	writer, err := pqarrow.NewFileWriter(reader.Schema(), out, files.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		return errors.Join(err, out.Close())
	}
	return errors.Join(copyBatches(ctx, reader, writer), writer.Close())
}

func copyBatches(ctx context.Context, reader *ipc.FileReader, writer *pqarrow.FileWriter) error {
	for {
		batch, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if err := writer.WriteBuffered(batch); err != nil {
			return err
		}
	}
}
