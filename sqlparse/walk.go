package sqlparse

import (
	"reflect"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// Walk calls visit for node and every node below it, a parent before its children and these in the order of the tree's
// fields. Where visit gives false, what lies below that node is left out.
func Walk(node *pg_query.Node, visit func(*pg_query.Node) bool) {
	walkMessage(node, nil, func(m, _ proto.Message) bool {
		n, ok := m.(*pg_query.Node)
		return !ok || visit(n)
	})
}

// Children are the nodes that lie directly below node, in the order of the tree's fields.
func Children(node *pg_query.Node) []*pg_query.Node {
	var below []*pg_query.Node
	walkMessage(node, nil, func(m, _ proto.Message) bool {
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
// Constants have no messages of interest below and are visited, not entered. It goes through the fields of the structs
// rather than through protobuf's descriptors, which costs a third of what planning a statement does.
func walkMessage(m, parent proto.Message, visit func(m, parent proto.Message) bool) {
	if v := reflect.ValueOf(m); v.IsValid() && !v.IsNil() {
		walkValue(v, parent, visit)
	}
}

// walkValue is walkMessage for a pointer to a message's struct, which is not nil.
func walkValue(v reflect.Value, parent proto.Message, visit func(m, parent proto.Message) bool) {
	msg := v.Interface().(proto.Message)
	if !visit(msg, parent) {
		return
	}
	switch msg := msg.(type) {
	case *pg_query.Node:
		if msg.Node == nil {
			return
		}
		// What a oneof holds is a pointer to a struct with one field, a message.
		if one := reflect.ValueOf(msg.Node).Elem().Field(0); !one.IsNil() {
			walkValue(one, parent, visit)
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
	s := v.Elem()
	for i := range s.NumField() {
		switch f := s.Field(i); f.Kind() { // protobuf's own fields are neither of these kinds, or lists of bytes
		case reflect.Pointer:
			if !f.IsNil() {
				walkValue(f, parent, visit)
			}
		case reflect.Slice:
			for j := range f.Len() {
				item := f.Index(j)
				if item.Kind() != reflect.Pointer {
					break
				}
				if !item.IsNil() {
					walkValue(item, parent, visit)
				}
			}
		}
	}
}
