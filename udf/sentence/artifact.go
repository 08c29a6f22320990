package sentence

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The files of an artifact, in any one directory of it.
const (
	modelFile      = "model.onnx"
	vocabularyFile = "vocab.txt"
	settingsFile   = "sentence.json"
)

// settings are what sentence.json may say; what it leaves out is as defaults says.
type settings struct {
	// Lower says that the vocabulary has lower case only.
	Lower bool `json:"lower_case"`
	// MaxTokens is the number of pieces of a text that are read; what follows is not.
	MaxTokens int `json:"max_tokens"`
	// Pooling is "mean", of all pieces, or "cls", the vector of the piece that stands first.
	Pooling string `json:"pooling"`
	// Normalize says that vectors get the length 1.
	Normalize bool `json:"normalize"`
}

func defaults() settings {
	return settings{Lower: true, MaxTokens: 256, Pooling: "mean", Normalize: true}
}

// artifact is what a zip file holds.
type artifact struct {
	model      []byte
	vocabulary string
	settings   settings
}

// maxVocabulary bounds vocab.txt, in bytes.
const maxVocabulary = 64 << 20

// readArtifact reads a zip file. The errors are *udf.Error.
func readArtifact(name, file string, maxModel int64) (*artifact, error) {
	wrong := func(why string) error {
		return &udf.Error{Code: "22023", Message: fmt.Sprintf("model %q cannot be loaded: %s", name, why),
			Hint: "The artifact is a zip file with " + modelFile + ", " + vocabularyFile + " and, if need be, " + settingsFile + "."}
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, wrong("it is no zip file")
	}
	defer z.Close()
	a := &artifact{settings: defaults()}
	for _, f := range z.File {
		var most int64
		switch path.Base(f.Name) {
		case modelFile:
			most = maxModel
		case vocabularyFile:
			most = maxVocabulary
		case settingsFile:
			most = 1 << 20
		default:
			continue
		}
		data, err := unpack(f, most)
		if err != nil {
			return nil, wrong(fmt.Sprintf("its file %s: %v", f.Name, err))
		}
		switch path.Base(f.Name) {
		case modelFile:
			a.model = data
		case vocabularyFile:
			a.vocabulary = string(data)
		default:
			if err := json.Unmarshal(data, &a.settings); err != nil {
				return nil, wrong(fmt.Sprintf("its file %s: %v", f.Name, err))
			}
		}
	}
	switch s := a.settings; {
	case a.model == nil:
		return nil, wrong("it has no " + modelFile)
	case a.vocabulary == "":
		return nil, wrong("it has no " + vocabularyFile)
	case s.MaxTokens < 3 || s.MaxTokens > 8192:
		return nil, wrong("max_tokens is not between 3 and 8192")
	case s.Pooling != "mean" && s.Pooling != "cls":
		return nil, wrong("pooling is neither mean nor cls")
	}
	return a, nil
}

// unpack reads a file of a zip, of which the header may lie about its size.
func unpack(f *zip.File, most int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("it has more than %d bytes", most)
	}
	return data, nil
}
