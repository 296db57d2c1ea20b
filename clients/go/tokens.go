package client

import (
	"container/list"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxWrites is how many writes are remembered; beyond them a read asks for the latest state.
const maxWrites = 10_000

// write is a write that is remembered.
type write struct {
	named Named
	token string
	at    time.Time
}

// writes are the writes of the last seconds, by what they named. A write that named nothing may have changed whatever a read asks for.
type writes struct {
	mu        sync.Mutex
	keep      time.Duration
	now       func() time.Time
	order     list.List
	byName    map[string]map[*list.Element]struct{}
	forgotten time.Time
}

func newWrites(keep time.Duration, now func() time.Time) *writes {
	return &writes{keep: keep, now: now, byName: map[string]map[*list.Element]struct{}{}}
}

var anything = Named{"*": {}}

func keysOf(named Named) Named {
	if len(named) == 0 {
		return anything
	}
	return named
}

func (w *writes) drop(element *list.Element) {
	w.order.Remove(element)
	for key := range keysOf(element.Value.(*write).named) {
		delete(w.byName[key], element)
		if len(w.byName[key]) == 0 {
			delete(w.byName, key)
		}
	}
}

func (w *writes) prune(now time.Time) {
	for element := w.order.Front(); element != nil; element = w.order.Front() {
		isTooMany := w.order.Len() > maxWrites
		if !isTooMany && now.Sub(element.Value.(*write).at) <= w.keep {
			return
		}
		if isTooMany {
			w.forgotten = now
		}
		w.drop(element)
	}
}

func isSubset(some, all Named) bool {
	for name := range some {
		if _, found := all[name]; !found {
			return false
		}
	}
	return true
}

// remember notes a write that was answered.
func (w *writes) remember(named Named, token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	// The token of a later write to the same things stands for the earlier one too.
	for key := range keysOf(named) {
		for _, earlier := range slices.Collect(maps.Keys(w.byName[key])) {
			if isSubset(earlier.Value.(*write).named, named) {
				w.drop(earlier)
			}
		}
	}
	element := w.order.PushBack(&write{named, token, now})
	for key := range keysOf(named) {
		if w.byName[key] == nil {
			w.byName[key] = map[*list.Element]struct{}{}
		}
		w.byName[key][element] = struct{}{}
	}
	w.prune(now)
}

// tokensFor returns the tokens of the writes that a read of a message has to see, and whether all of them are known.
func (w *writes) tokensFor(message any) (tokens []string, isComplete bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	w.prune(now)
	if !w.forgotten.IsZero() && now.Sub(w.forgotten) <= w.keep {
		return nil, false
	}
	if w.order.Len() == 0 {
		return nil, true
	}
	named := namedIn(message)
	named["*"] = struct{}{}
	for key := range named {
		for element := range w.byName[key] {
			if token := element.Value.(*write).token; !slices.Contains(tokens, token) {
				tokens = append(tokens, token)
			}
		}
	}
	return tokens, true
}
