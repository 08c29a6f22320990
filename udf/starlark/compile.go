package starlark

import (
	"fmt"
	"math/big"

	"go.starlark.net/resolve"
	star "go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// program is a compiled source, and the names it sees.
type program struct {
	compiled    *star.Program
	predeclared star.StringDict
}

// dialect is what of Starlark a source may use. Everything ends by the step limit, so loops need no other bounds;
// recursion is left out, for its depth is the stack's.
var dialect = syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true}

// withheld are the interpreter's own functions that a model does not have: print has nowhere to print to.
var withheld = map[string]bool{"print": true}

// compile compiles a model's source, with the guards put in.
func compile(spec udf.Spec, source string, names star.StringDict) (*program, error) {
	options := dialect
	f, err := options.Parse(spec.Name, source, 0)
	if err != nil {
		return nil, syntaxError(spec.Name, source, err)
	}
	if err := checkSyntax(f); err != nil {
		return nil, syntaxError(spec.Name, source, err)
	}
	universal := func(name string) bool { return star.Universe.Has(name) && !withheld[name] }
	if err := resolve.File(f, names.Has, universal); err != nil {
		return nil, syntaxError(spec.Name, source, err)
	}
	guard(f, inferKinds(f, spec.Args))
	compiled, err := star.FileProgram(f, names.Has)
	if err != nil {
		return nil, syntaxError(spec.Name, source, err)
	}
	return &program{compiled: compiled, predeclared: names}, nil
}

// checkSyntax refuses what parses but has no place in a model.
func checkSyntax(f *syntax.File) (err error) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LoadStmt:
			err = syntax.Error{Pos: n.Load, Msg: "a model cannot load other files"}
		case *syntax.Literal:
			if x, ok := n.Value.(*big.Int); ok && x.BitLen() > maxBits {
				err = syntax.Error{Pos: n.TokenPos, Msg: fmt.Sprintf("integer of more than %d bits", maxBits)}
			}
		}
		return err == nil
	})
	return err
}
