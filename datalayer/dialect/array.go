package dialect

import "strings"

// ArrayElements takes PostgreSQL's text of an array of one dimension apart (documentation, "Array Input and Output
// Syntax"); ok is false for another.
func ArrayElements(s string) (texts []string, nulls []bool, ok bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, nil, false
	}
	s = s[1 : len(s)-1]
	for s != "" {
		text, quoted, rest, fine := arrayElement(s)
		if !fine {
			return nil, nil, false
		}
		texts, nulls = append(texts, text), append(nulls, !quoted && strings.EqualFold(text, "NULL"))
		if rest == "" {
			return texts, nulls, true
		}
		if rest[0] != ',' || rest == "," {
			return nil, nil, false
		}
		s = rest[1:]
	}
	return texts, nulls, true
}

// arrayElement reads one element; rest begins with the comma after it.
func arrayElement(s string) (text string, quoted bool, rest string, ok bool) {
	if s[0] != '"' {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		text = s[:end]
		return text, false, s[end:], text != "" && !strings.ContainsAny(text, "{}\"\\ \t\n")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), true, s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", false, "", false
}
