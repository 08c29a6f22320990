"""Picks the statements out of a server's log and writes each distinct one on a line of its own, in the order of their
first appearance. Of EXPLAINs only those with a place for a value, as the others say nothing of their own."""
import re
import sys

statement = re.compile(r"^capture_far=LOG:  (?:statement|execute [^:]*): (.*)", re.S)
seen, found, current = set(), [], None


def end():
    global current
    if current is not None:
        text = re.sub(r"\s*\n\s*", " ", current).strip()
        if text not in seen and (not text.startswith("EXPLAIN") or "((SELECT null::" in text):
            seen.add(text)
            found.append(text)
    current = None


for line in sys.stdin:
    m = statement.match(line)
    if m:
        end()
        current = m.group(1)
    elif line.startswith("\t") and current is not None:
        current += "\n" + line[1:]
    else:
        end()
end()
print("\n".join(found))
