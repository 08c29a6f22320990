package datalayer

import (
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// pins keep artifacts from being collected while something needs them that the metadata does not tell: a model that is
// being added or loaded, and bytes that are being put.
type pins struct {
	mu   sync.Mutex
	held map[artifacts.Digest]int
	// puts are the moments at which the puts that run began.
	puts map[*time.Time]struct{}
}

// newPins makes pins without any.
func newPins() *pins {
	return &pins{held: map[artifacts.Digest]int{}, puts: map[*time.Time]struct{}{}}
}

// pin holds an artifact until unpin is called, once.
func (p *pins) pin(d artifacts.Digest) (unpin func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[d]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.held[d]--; p.held[d] == 0 {
			delete(p.held, d)
		}
	}
}

// putting notes that bytes whose digest is not known yet are being put, until done is called, once: what is put
// meanwhile is not collected.
func (p *pins) putting() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now()
	p.puts[&began] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.puts, &began)
	}
}

// unlessHeld calls drop, unless the artifact is pinned, with the time before which an artifact has to have been put to
// be dropped: at most latest, and before every put that runs. No pin or put begins while drop runs.
func (p *pins) unlessHeld(d artifacts.Digest, latest time.Time, drop func(before time.Time) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[d] > 0 {
		return nil
	}
	for began := range p.puts {
		if margin := began.Add(-clockMargin); margin.Before(latest) {
			latest = margin
		}
	}
	return drop(latest)
}

// clockMargin is by how much a store's clock may be behind this process's.
const clockMargin = time.Minute
