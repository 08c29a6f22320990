package sqlparse

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Walk calls visit for node and every node below it, a parent before its children and these in the order of the tree's
// fields. Where visit gives false, what lies below that node is left out.
func Walk(node *pg_query.Node, visit func(*pg_query.Node) bool) {
	walkMessage(node.ProtoReflect(), nil, func(m, _ proto.Message) bool {
		n, ok := m.(*pg_query.Node)
		return !ok || visit(n)
	})
}

// Children are the nodes that lie directly below node, in the order of the tree's fields.
func Children(node *pg_query.Node) []*pg_query.Node {
	var below []*pg_query.Node
	walkMessage(node.ProtoReflect(), nil, func(m, _ proto.Message) bool {
		n, ok := m.(*pg_query.Node)
		if !ok || n == node {
			return true
		}
		below = append(below, n)
		return false
	})
	return below
}

// walkMessage calls visit for m and every message below it, with the nearest message above that is not a mere Node.
// Constants have no messages of interest below and are visited, not entered.
func walkMessage(m protoreflect.Message, parent proto.Message, visit func(m, parent proto.Message) bool) {
	if !m.IsValid() {
		return
	}
	msg := m.Interface()
	if !visit(msg, parent) {
		return
	}
	switch msg := msg.(type) {
	case *pg_query.Node:
		one := m.Descriptor().Oneofs().Get(0)
		if fd := m.WhichOneof(one); fd != nil {
			walkMessage(m.Get(fd).Message(), parent, visit)
		}
		return
	case *pg_query.A_Const, *pg_query.String, *pg_query.Integer:
		return
	case *pg_query.MultiAssignRef: // SET (a, b) = source has the source once for each column
		if msg.Colno > 1 {
			return
		}
		parent = msg
	default:
		parent = msg
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || !m.Has(fd) {
			continue
		}
		if !fd.IsList() {
			walkMessage(m.Get(fd).Message(), parent, visit)
			continue
		}
		for list, j := m.Get(fd).List(), 0; j < list.Len(); j++ {
			walkMessage(list.Get(j).Message(), parent, visit)
		}
	}
}
