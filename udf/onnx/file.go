package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// elem is the type of a tensor's elements, numbered as TensorProto.DataType in onnx.proto.
type elem int32

// The element types that a model's inputs and outputs may have here.
const (
	elemFloat  elem = 1
	elemUint8  elem = 2
	elemInt8   elem = 3
	elemUint16 elem = 4
	elemInt16  elem = 5
	elemInt32  elem = 6
	elemInt64  elem = 7
	elemString elem = 8
	elemBool   elem = 9
	elemDouble elem = 11
	elemUint32 elem = 12
	elemUint64 elem = 13
)

// elemNames are the types' names in ONNX.
var elemNames = map[elem]string{
	elemFloat: "float", elemUint8: "uint8", elemInt8: "int8", elemUint16: "uint16", elemInt16: "int16",
	elemInt32: "int32", elemInt64: "int64", elemString: "string", elemBool: "bool", 10: "float16",
	elemDouble: "double", elemUint32: "uint32", elemUint64: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}

// String is the type's name in ONNX.
func (e elem) String() string {
	if n, ok := elemNames[e]; ok {
		return n
	}
	return fmt.Sprintf("element type %d", int32(e))
}

// container says what a value is: a tensor, or what wraps tensors.
type container uint8

// The containers that a graph's inputs and outputs can be.
const (
	isUnknown container = iota
	isTensor
	isSequence
	isMap
)

// value is an input or an output of the graph (ValueInfoProto).
type value struct {
	name string
	is   container
	// elem is the element type of a tensor, and the key type of a map.
	elem elem
	// dims are a tensor's dimensions, -1 where the model leaves one open; nil with hasShape unset means any rank.
	dims     []int64
	hasShape bool
	// of is what a sequence holds, or a map's values.
	of *value
}

// file is what the runtime reads from a model's bytes itself. ONNX Runtime tells neither what a sequence holds nor
// the opset, and would read tensors from other files.
type file struct {
	irVersion int64
	// opsets are the operator sets that the model imports, by domain; the domain "" is ONNX's own.
	opsets   map[string]int64
	metadata map[string]string
	inputs   []value
	outputs  []value
	// external is the name of a tensor whose data lies in another file, "" if there is none.
	external string
}

// maxNesting is how deep messages of a model may lie in each other. Graphs within graphs take three levels each.
const maxNesting = 100

var (
	errNotONNX   = errors.New("the bytes are not an ONNX model")
	errTruncated = errors.New("the model ends in the middle: its bytes are cut short")
	errNesting   = errors.New("the model's graphs are nested too deeply")
)

// parseFile reads a ModelProto (onnx.proto). It looks only at what file holds, and skips the rest.
func parseFile(data []byte) (*file, error) {
	f := &file{opsets: map[string]int64{}, metadata: map[string]string{}}
	var graph []byte
	err := fields(data, func(num protowire.Number, n uint64, b []byte) error {
		switch num {
		case 1: // ir_version
			f.irVersion = int64(n)
		case 7: // graph
			graph = b
		case 8: // opset_import
			return f.opset(b)
		case 14: // metadata_props
			return f.property(b)
		case 25: // functions
			return f.walkNodes(b, 7, 1)
		}
		return nil
	})
	if err != nil && !(errors.Is(err, errTruncated) && f.irVersion > 0) {
		return nil, errNotONNX
	}
	if err != nil {
		return nil, err
	}
	if f.irVersion <= 0 || graph == nil {
		return nil, errNotONNX
	}
	if err := f.graph(graph); err != nil {
		if errors.Is(err, errNesting) {
			return nil, err
		}
		return nil, errNotONNX
	}
	return f, nil
}

// fields calls do for each field of a message: n is a varint's or fixed number's value, b the bytes of a
// length-delimited one. A field that reaches past the end is errTruncated.
func fields(msg []byte, do func(num protowire.Number, n uint64, b []byte) error) error {
	for len(msg) > 0 {
		num, typ, size := protowire.ConsumeTag(msg)
		if size < 0 {
			return wireError(size)
		}
		msg = msg[size:]
		var n uint64
		var b []byte
		switch typ {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(msg)
		case protowire.BytesType:
			b, size = protowire.ConsumeBytes(msg)
		default:
			size = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if size < 0 {
			return wireError(size)
		}
		msg = msg[size:]
		if err := do(num, n, b); err != nil {
			return err
		}
	}
	return nil
}

// wireError tells a message that ends too early from one that is no message.
func wireError(code int) error {
	err := protowire.ParseError(code)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

// opset reads an OperatorSetIdProto.
func (f *file) opset(msg []byte) error {
	var domain string
	var version int64
	err := fields(msg, func(num protowire.Number, n uint64, b []byte) error {
		switch num {
		case 1:
			domain = string(b)
		case 2:
			version = int64(n)
		}
		return nil
	})
	if domain == "ai.onnx" {
		domain = ""
	}
	f.opsets[domain] = version
	return err
}

// property reads a StringStringEntryProto of the model's metadata.
func (f *file) property(msg []byte) error {
	var key, val string
	err := fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			key = string(b)
		case 2:
			val = string(b)
		}
		return nil
	})
	f.metadata[key] = val
	return err
}

// graph reads the main GraphProto. Up to IR version 3 a graph lists its constants among the inputs as well: those are
// not the model's arguments.
func (f *file) graph(msg []byte) error {
	constants := map[string]bool{}
	var inputs []value
	err := fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 5: // initializer
			name, err := f.tensor(b)
			constants[name] = true
			return err
		case 11, 12: // input, output
			v, err := parseValue(b)
			if num == 11 {
				inputs = append(inputs, v)
			} else {
				f.outputs = append(f.outputs, v)
			}
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range inputs {
		if !constants[v.name] {
			f.inputs = append(f.inputs, v)
		}
	}
	return f.walkNodes(msg, 1, 0)
}

// walkNodes looks for tensors with external data in the nodes of a graph (field 1) or a function (field 7).
func (f *file) walkNodes(msg []byte, nodes protowire.Number, depth int) error {
	if depth > maxNesting/3 {
		return errNesting
	}
	return fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		if num != nodes || b == nil {
			return nil
		}
		return fields(b, func(num protowire.Number, _ uint64, b []byte) error {
			if num != 5 || b == nil { // attribute
				return nil
			}
			return f.attribute(b, depth)
		})
	})
}

// attribute looks for tensors in an AttributeProto, and in the graphs it holds.
func (f *file) attribute(msg []byte, depth int) error {
	return fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		switch {
		case b == nil:
			return nil
		case num == 5 || num == 10: // t, tensors
			_, err := f.tensor(b)
			return err
		case num == 6 || num == 11: // g, graphs
			err := fields(b, func(num protowire.Number, _ uint64, b []byte) error {
				if num != 5 || b == nil { // initializer
					return nil
				}
				_, err := f.tensor(b)
				return err
			})
			if err != nil {
				return err
			}
			return f.walkNodes(b, 1, depth+1)
		}
		return nil
	})
}

// tensor reads a TensorProto's name, and notes it if its data lies in another file.
func (f *file) tensor(msg []byte) (name string, err error) {
	external := false
	err = fields(msg, func(num protowire.Number, n uint64, b []byte) error {
		switch num {
		case 8: // name
			name = string(b)
		case 13: // external_data
			external = true
		case 14: // data_location, EXTERNAL is 1
			external = external || n == 1
		}
		return nil
	})
	if external && f.external == "" {
		f.external = name
		if name == "" {
			f.external = "(unnamed)"
		}
	}
	return name, err
}

// parseValue reads a ValueInfoProto.
func parseValue(msg []byte) (value, error) {
	var v value
	var typ []byte
	err := fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			v.name = string(b)
		case 2:
			typ = b
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	return v, v.parseType(typ, 0)
}

// parseType reads a TypeProto.
func (v *value) parseType(msg []byte, depth int) error {
	if depth > maxNesting {
		return errNesting
	}
	return fields(msg, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1: // tensor_type
			v.is = isTensor
			return v.parseTensorType(b)
		case 4: // sequence_type
			v.is = isSequence
		case 5: // map_type
			v.is = isMap
		default:
			return nil
		}
		return fields(b, func(num protowire.Number, n uint64, b []byte) error {
			switch {
			case v.is == isMap && num == 1: // key_type
				v.elem = elem(n)
			case v.is == isMap && num == 2, v.is == isSequence && num == 1:
				v.of = &value{}
				return v.of.parseType(b, depth+1)
			}
			return nil
		})
	})
}

// parseTensorType reads a TypeProto.Tensor.
func (v *value) parseTensorType(msg []byte) error {
	return fields(msg, func(num protowire.Number, n uint64, b []byte) error {
		switch num {
		case 1: // elem_type
			v.elem = elem(n)
		case 2: // shape
			v.hasShape = true
			return fields(b, func(num protowire.Number, _ uint64, b []byte) error {
				if num != 1 {
					return nil
				}
				dim, err := parseDim(b)
				v.dims = append(v.dims, dim)
				return err
			})
		}
		return nil
	})
}

// parseDim reads a TensorShapeProto.Dimension: its value if that is fixed, and -1 otherwise.
func parseDim(msg []byte) (int64, error) {
	dim := int64(-1)
	err := fields(msg, func(num protowire.Number, n uint64, _ []byte) error {
		if num == 1 && int64(n) > 0 {
			dim = int64(n)
		}
		return nil
	})
	return dim, err
}

// looksLike names what bytes that are no model probably are, "" if that cannot be told.
func looksLike(data []byte) string {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 256)], " \t\r\n"))
	switch {
	case len(data) == 0:
		return "The file is empty."
	case bytes.HasPrefix(head, []byte("<!doctype")), bytes.HasPrefix(head, []byte("<html")):
		return "It looks like a web page."
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return "It is a Git LFS pointer; the model itself was not fetched."
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return "It looks like a ZIP archive, as PyTorch saves; export the model to ONNX first."
	case len(data) > 1 && data[0] == 0x80 && data[1] <= 5:
		return "It looks like a Python pickle; export the model to ONNX first."
	case len(data) > 8 && string(data[4:8]) == "ORTM":
		return "It is in ONNX Runtime's own format (.ort); export it as .onnx."
	}
	return ""
}

// opsetList prints the operator sets that the model imports: "17", or "17, ai.onnx.ml 3".
func (f *file) opsetList() string {
	parts := []string{}
	for _, domain := range slices.Sorted(maps.Keys(f.opsets)) {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d", domain, f.opsets[domain])))
	}
	return strings.Join(parts, ", ")
}
