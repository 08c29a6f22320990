package foreign

import "strconv"

// Fact is one line of what EXPLAIN (VERBOSE) can say of a statement of postgres_fdw's.
type Fact struct{ Name, Value string }

// Explain says what becomes of a statement that postgres_fdw would send: what the engine is asked, in its own words, and, where
// the local PostgreSQL finishes it, why. It is empty for a text that is none of postgres_fdw's.
func (s *Server) Explain(text string) []Fact {
	st, err := s.Compile(text)
	switch {
	case err != nil:
		return nil
	case st.program != nil:
		return []Fact{{"Databackend", st.program.Text()}}
	case st.Unproven == nil:
		return nil
	}
	facts := []Fact{{"Finished by PostgreSQL", st.Unproven.What}}
	if st.finish != nil {
		for i, scan := range st.finish.scans {
			name := "Databackend"
			if len(st.finish.scans) > 1 {
				name += " " + strconv.Itoa(i+1) // as a document has each name once
			}
			facts = append(facts, Fact{name, scan.program.Text()})
		}
	}
	return facts
}
