package gridfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Files are written and read as the specification of GridFS has them, by our own code: the driver's gathers 16 MiB at a
// time on both ways, several times over in the end.
const (
	// chunkBytes is the specification's usual size of a chunk.
	chunkBytes = 255 << 10
	// chunksAtOnce is the number of chunks in one message.
	chunksAtOnce = 8
)

// chunk is a document of <bucket>.chunks.
type chunk struct {
	ID   bson.ObjectID `bson:"_id"`
	File bson.ObjectID `bson:"files_id"`
	N    int32         `bson:"n"`
	Data []byte        `bson:"data"`
}

// fileInfo is a document of <bucket>.files.
type fileInfo struct {
	ID       bson.ObjectID `bson:"_id"`
	Length   int64         `bson:"length"`
	Chunk    int32         `bson:"chunkSize"`
	Uploaded time.Time     `bson:"uploadDate"`
	Name     string        `bson:"filename"`
}

// index makes the indexes of the specification.
func (s *Store) index(ctx context.Context) error {
	_, err := s.chunks.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys: bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	if err != nil {
		return err
	}
	_, err = s.files.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "filename", Value: 1}, {Key: "uploadDate", Value: 1}}})
	if err != nil {
		return err
	}
	_, err = s.entries.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "file", Value: 1}}})
	return err
}

// fileWriter writes a file: chunks as there are bytes, and at the end its document.
type fileWriter struct {
	ctx    context.Context
	store  *Store
	file   bson.ObjectID
	next   int32
	length int64
	// buffer has what is not sent yet.
	buffer []byte
}

// newFileWriter makes one.
func (s *Store) newFileWriter(ctx context.Context, file bson.ObjectID) *fileWriter {
	return &fileWriter{ctx: ctx, store: s, file: file, buffer: make([]byte, 0, chunksAtOnce*chunkBytes)}
}

// Write implements io.Writer.
func (w *fileWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), cap(w.buffer)-len(w.buffer))
		w.buffer = append(w.buffer, p[:n]...)
		p, written = p[n:], written+n
		if len(w.buffer) == cap(w.buffer) {
			if err := w.send(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// send writes what the buffer has as chunks.
func (w *fileWriter) send() error {
	var chunks []chunk
	for rest := w.buffer; len(rest) > 0; w.next++ {
		n := min(len(rest), chunkBytes)
		chunks = append(chunks, chunk{ID: bson.NewObjectID(), File: w.file, N: w.next, Data: rest[:n]})
		rest = rest[n:]
	}
	if len(chunks) == 0 {
		return nil
	}
	w.length += int64(len(w.buffer))
	_, err := w.store.chunks.InsertMany(w.ctx, chunks)
	w.buffer = w.buffer[:0]
	return err
}

// finish writes the rest and the file's document.
func (w *fileWriter) finish() error {
	if err := w.send(); err != nil {
		return err
	}
	_, err := w.store.files.InsertOne(w.ctx, fileInfo{ID: w.file, Length: w.length, Chunk: chunkBytes, Uploaded: time.Now().UTC(), Name: w.file.Hex()})
	return err
}

// fileReader reads a file's chunks in their order. It implements io.ReadCloser.
type fileReader struct {
	ctx    context.Context
	cursor *mongo.Cursor
	next   int32
	// rest is what of the last chunk was not read yet.
	rest []byte
}

// errChunks says that chunks are missing or in excess.
var errChunks = errors.New("its chunks are not one after the other")

// openFile opens a file.
func (s *Store) openFile(ctx context.Context, file bson.ObjectID) (*fileReader, error) {
	cursor, err := s.chunks.Find(ctx, bson.D{{Key: "files_id", Value: file}}, options.Find().SetSort(bson.D{{Key: "n", Value: 1}}).SetBatchSize(chunksAtOnce))
	if err != nil {
		return nil, err
	}
	return &fileReader{ctx: ctx, cursor: cursor}, nil
}

// Read implements io.Reader. What the bytes should be is for artifacts.Verify to say.
func (r *fileReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if !r.cursor.Next(r.ctx) {
			if err := errors.Join(r.cursor.Err(), r.ctx.Err()); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		var c chunk
		if err := r.cursor.Decode(&c); err != nil {
			return 0, fmt.Errorf("%w: %w", errChunks, err)
		}
		if c.N != r.next {
			return 0, errChunks
		}
		r.next++
		r.rest = c.Data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *fileReader) Close() error { return r.cursor.Close(context.WithoutCancel(r.ctx)) }

// deleteFile removes a file and its chunks, if they are there.
func (s *Store) deleteFile(ctx context.Context, file bson.ObjectID) error {
	_, err := s.files.DeleteOne(ctx, bson.D{{Key: "_id", Value: file}})
	if err != nil {
		return err
	}
	_, err = s.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: file}})
	return err
}
