package vector

import "slices"

// best keeps the n of many candidates with the greatest scores: a heap with the least of them at its top.
type best struct {
	n    int
	heap []candidate
}

// candidate is a slot with its score.
type candidate struct {
	id    uint32
	score float32
}

func newBest(n int) *best { return &best{n: n, heap: make([]candidate, 0, min(n, 1024))} }

// offer takes a candidate if it is among the best so far. Of equal scores the one that came first stays.
func (b *best) offer(id uint32, score float32) {
	if len(b.heap) < b.n {
		b.heap = append(b.heap, candidate{id, score})
		for i := len(b.heap) - 1; i > 0; {
			parent := (i - 1) / 2
			if b.heap[parent].score <= b.heap[i].score {
				return
			}
			b.heap[parent], b.heap[i] = b.heap[i], b.heap[parent]
			i = parent
		}
		return
	}
	if b.n == 0 || score <= b.heap[0].score {
		return
	}
	b.heap[0] = candidate{id, score}
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(b.heap); child++ {
			if b.heap[child].score < b.heap[least].score {
				least = child
			}
		}
		if least == i {
			return
		}
		b.heap[i], b.heap[least] = b.heap[least], b.heap[i]
		i = least
	}
}

// sorted gives the candidates, the best first, and empties b.
func (b *best) sorted() []candidate {
	slices.SortFunc(b.heap, byScore)
	h := b.heap
	b.heap = nil
	return h
}
