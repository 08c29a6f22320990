package ship

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Asked are the arguments that one function has asked for in a round, each once.
type Asked struct {
	Function *planner.Function
	// Args hold the arguments, a column each, and Keys the keys that the function knows them by.
	Args []udf.Column
	Keys [][]byte

	decoders []pgvalue.Decoder
	// once are the keys of arguments that are left out; nil where none are.
	once *Once
	// begin is what Keys begin with, room is memory for the next of them, and record for the one that Row makes.
	begin, room, record []byte
}

// Round gathers what functions ask for while a statement runs.
type Round struct {
	functions map[string]*planner.Function
	asked     map[string]*Asked
	order     []*Asked
	// held is about the memory that the arguments take, in bytes, and most its limit. lowest is the lowest rank that asked:
	// what others ask for is not kept. cut says that not all of it was kept either.
	held, most, lowest int
	noted, cut         bool
	// apart says that functions may tell of the same arguments several times.
	apart bool
	// known holds the keys that were answered in earlier rounds of the statement.
	known *Known
	// draws are the functions that draw values, and drawn what they have drawn, by the type of the values.
	draws []*planner.Draw
	drawn map[uint32]*Drawn
	// drew is what of held the drawn values take.
	drew int
	err  error
}

// NewRound begins a round of a statement; the arguments that it keeps take about so many bytes of memory at most.
func NewRound(plan *planner.Ship, known *Known, most int) *Round {
	r := &Round{functions: map[string]*planner.Function{}, asked: map[string]*Asked{}, most: most, known: known, draws: plan.Draws, drawn: map[uint32]*Drawn{}}
	for _, f := range plan.Functions {
		r.functions[f.Name] = f
	}
	return r
}

// Apart has the round know arguments that functions tell of again (see Wide), which takes more memory for each.
func (r *Round) Apart() { r.apart = true }

// Take reads the message of a notice with CodeAsked or CodeDrawn.
func (r *Round) Take(code, message string) {
	switch {
	case r.err != nil:
	case code == CodeAsked:
		r.err = r.take(message)
	case code == CodeDrawn:
		r.err = r.takeDrawn(message)
	}
}

func (r *Round) take(message string) error {
	name, text, ok := strings.Cut(message, " ")
	f := r.functions[name]
	if !ok || f == nil {
		return fmt.Errorf("home asks for answers of %q", name)
	}
	record, err := hex.DecodeString(text)
	if err != nil {
		return fmt.Errorf("what home asks %q for: %w", name, err)
	}
	if !r.noted || f.Rank < r.lowest { // what those of a higher rank have asked for is not believed
		clear(r.asked)
		r.order, r.held, r.lowest, r.cut = nil, r.drew, f.Rank, false
	}
	r.noted = true
	if f.Rank > r.lowest {
		return nil
	}
	size := 2*len(record) + askedSize
	if r.apart {
		size += onceSize
	}
	if r.apart && r.cut {
		return nil
	}
	if r.most > 0 && r.held+size > r.most && len(r.order) > 0 { // the next round asks for it again
		r.cut = true
		return nil
	}
	a := r.asked[name]
	if a == nil {
		a = &Asked{Function: f}
		if r.apart {
			a.once = NewOnce(math.MaxInt)
		}
		r.asked[name] = a
		r.order = append(r.order, a)
	}
	before := len(a.Keys)
	if err := a.add(record); err != nil {
		return err
	}
	r.held += size * (len(a.Keys) - before)
	return nil
}

// askedSize is about what arguments take in memory beside twice their record's length, in bytes: a key, which is a copy, and
// places in lists that grow.
const askedSize = 64

// Cut gives the number of arguments that were kept, if those that were asked for took more memory than they may, so that
// not all were; 0 where all were.
func (r *Round) Cut() int {
	if r.cut {
		return r.Kept()
	}
	return 0
}

// Kept gives the number of arguments that were kept of those that were asked for.
func (r *Round) Kept() int {
	n := 0
	for _, a := range r.order {
		n += len(a.Keys)
	}
	return n
}

// turnSize is the size in bytes of the turn that follows a record where the model is not deterministic.
const turnSize = 8

// add reads a record as record_send writes it: the number of columns, and of each its type, length and value.
func (a *Asked) add(record []byte) error {
	model := a.Function.Model
	var turn []byte
	if !model.Deterministic {
		if len(record) < turnSize {
			return a.cut()
		}
		record, turn = record[:len(record)-turnSize], record[len(record)-turnSize:]
	}
	if len(record) < 4 || int(binary.BigEndian.Uint32(record)) != len(model.Args) {
		return a.cut()
	}
	key := a.key(record, turn)
	if a.once.has(key) {
		a.room = a.room[:len(a.room)-len(key)]
		return nil
	}
	if a.Args == nil {
		a.Args = make([]udf.Column, len(model.Args))
		a.decoders = make([]pgvalue.Decoder, len(model.Args))
		for i := range a.Args {
			a.Args[i].Type = model.Args[i].Type
		}
	}
	rest := record[4:]
	for i := range model.Args {
		if len(rest) < 8 {
			return a.cut()
		}
		oid, size := binary.BigEndian.Uint32(rest), int(int32(binary.BigEndian.Uint32(rest[4:])))
		rest = rest[8:]
		var value []byte
		if size >= 0 {
			if size > len(rest) {
				return a.cut()
			}
			value, rest = rest[:size:size], rest[size:]
		}
		if t := model.Args[i].Type; a.Function.Encoded && oid == udf.Bytea.OID() && t != udf.Bytea { // its UTF-8
			if oid = t.OID(); t == udf.JSONB && value != nil {
				value = append([]byte{jsonbVersion}, value...)
			}
		}
		if len(a.Keys) == 0 {
			d, err := pgvalue.NewDecoder(oid, model.Args[i].Type)
			if err != nil {
				return err
			}
			a.decoders[i] = d
		}
		if oid == udf.Numeric.OID() && value != nil {
			var err error
			if value, err = pgvalue.AppendNumeric(nil, value); err != nil {
				return a.cut()
			}
		}
		if err := a.decoders[i].Append(&a.Args[i], value); err != nil {
			return model.Unreadable(i, err)
		}
	}
	a.Keys = append(a.Keys, key)
	a.once.note(key)
	return nil
}

// jsonbVersion begins a jsonb in binary form (jsonb_send in jsonb.c).
const jsonbVersion = 1

// cut is the error for a record that is not as record_send writes it.
func (a *Asked) cut() error {
	return fmt.Errorf("what home asks model %q for cannot be read", a.Function.Model.Name)
}

// The sizes in bytes of the memory that keys share: of the first piece, and of the largest.
const (
	firstRoom = 512
	mostRoom  = 64 << 10
)

// key is how the function's table of answers knows a record and its turn.
func (a *Asked) key(record, turn []byte) []byte {
	if a.begin == nil {
		a.begin = prefix(a.Function)
	}
	if len(record) > longKey {
		sum := sha256.Sum256(record)
		record = sum[:]
	}
	if n := len(a.begin) + len(record) + len(turn); cap(a.room)-len(a.room) < n {
		a.room = make([]byte, 0, max(n, min(2*cap(a.room), mostRoom), firstRoom))
	}
	start := len(a.room)
	a.room = append(append(append(a.room, a.begin...), record...), turn...)
	return a.room[start:len(a.room):len(a.room)]
}

// NewAsked makes one for arguments that are read by Row.
func NewAsked(f *planner.Function) *Asked { return &Asked{Function: f} }

// Once are the keys of a function's arguments, of which none is to be read twice; nil leaves nothing out.
type Once struct {
	keys map[string]struct{}
	most int
}

// onceSize is about what one key takes in memory, in bytes.
const onceSize = 128

// OnceMost is the number of keys that may be told apart in so many bytes.
func OnceMost(memory int) int { return memory / onceSize }

// NewOnce makes one that notes at most so many keys.
func NewOnce(most int) *Once { return &Once{keys: map[string]struct{}{}, most: most} }

// NewAsked is as the function; arguments that any of those made here has read are left out.
func (o *Once) NewAsked(f *planner.Function) *Asked { return &Asked{Function: f, once: o} }

// Add notes what was read otherwise.
func (o *Once) Add(a *Asked) {
	for _, key := range a.Keys {
		o.note(key)
	}
}

// Room reports whether n more keys can be noted.
func (o *Once) Room(n int) bool { return o == nil || len(o.keys)+n <= o.most }

func (o *Once) has(key []byte) bool {
	if o == nil {
		return false
	}
	_, has := o.keys[string(key)]
	return has
}

func (o *Once) note(key []byte) {
	if o != nil && len(o.keys) < o.most {
		o.keys[string(key)] = struct{}{}
	}
}

// Row adds a row of arguments, in binary form and of the model's own types. It is left out where the model answers NULL
// without a call.
func (a *Asked) Row(values [][]byte) error {
	args := a.Function.Model.Args
	if len(values) != len(args) {
		return fmt.Errorf("home gave %d arguments for model %q, which takes %d", len(values), a.Function.Model.Name, len(args))
	}
	record := binary.BigEndian.AppendUint32(a.record[:0], uint32(len(values)))
	for i, v := range values {
		record = binary.BigEndian.AppendUint32(record, args[i].Type.OID())
		switch {
		case v == nil && a.Function.Model.NullOnNull:
			return nil
		case v == nil:
			record = append(record, 0xff, 0xff, 0xff, 0xff)
		default:
			record = binary.BigEndian.AppendUint32(record, uint32(len(v)))
			record = append(record, v...)
		}
	}
	a.record = record
	return a.add(record)
}

// Empty reports whether nothing was asked for.
func (r *Round) Empty() bool { return !r.noted && r.err == nil }

// Believed gives what is to be answered: what the functions of the lowest rank asked for, since a missing answer of
// theirs may be why those of a higher one were asked at all; of this what the memory allows. It is an error if something is
// asked for that was answered before.
func (r *Round) Believed() (asked []*Asked, err error) {
	if r.err != nil {
		return nil, r.err
	}
	for _, a := range r.order {
		if err := r.known.add(a); err != nil {
			return nil, err
		}
		asked = append(asked, a)
	}
	return asked, nil
}

// maxKnown is the number of arguments that Known remembers. It is there to end a statement that asks for the same again and
// again, which the limit of rounds ends too.
const maxKnown = 1 << 18

// Known are the arguments that were answered for a statement: the first of them.
type Known struct {
	keys map[string]struct{}
}

// add notes arguments.
func (k *Known) add(a *Asked) error {
	if k.keys == nil {
		k.keys = map[string]struct{}{}
	}
	for _, key := range a.Keys {
		id := a.Function.Name + string(key)
		if _, again := k.keys[id]; again {
			return fmt.Errorf("home asks model %q again for arguments that were answered", a.Function.Model.Name)
		}
		if len(k.keys) < maxKnown {
			k.keys[id] = struct{}{}
		}
	}
	return nil
}
