package protocol

import (
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// Key is the question that an entry answers. What is asked for stands in fields, so that no two questions have one key, and a look-up
// allocates nothing.
type Key struct {
	Kind                        byte
	Sub                         int32
	User, Project, Organization int64
	Text                        string
	// Hash stands for a list of keys, which the entry has in full.
	Hash uint64
}

// Entry is a kept answer.
type Entry struct {
	key        Key
	Keys       []string
	Value      any
	bytes      uint32
	aggregates []AggregateVersion
	// validUntil is the database's time from which the answer counts no more.
	validUntil time.Duration
}

// entries are the kept answers, and which of them rest on an aggregate. The least useful go when they take too much memory.
type entries struct {
	cache *otter.Cache[Key, *Entry]
	// mu guards byAggregate. The cache calls unlink while the protocol holds its own lock, and from other goroutines.
	mu          sync.Mutex
	byAggregate map[string]map[*Entry]struct{}
}

func newEntries(maxBytes uint64) *entries {
	e := &entries{byAggregate: map[string]map[*Entry]struct{}{}}
	e.cache = otter.Must(&otter.Options[Key, *Entry]{
		MaximumWeight:    maxBytes,
		Weigher:          func(_ Key, one *Entry) uint32 { return one.bytes },
		OnAtomicDeletion: func(event otter.DeletionEvent[Key, *Entry]) { e.unlink(event.Value) },
	})
	return e
}

func (e *entries) unlink(one *Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, rested := range one.aggregates {
		delete(e.byAggregate[rested.Aggregate], one)
		if len(e.byAggregate[rested.Aggregate]) == 0 {
			delete(e.byAggregate, rested.Aggregate)
		}
	}
}

func (e *entries) put(one *Entry) {
	e.mu.Lock()
	for _, rested := range one.aggregates {
		if e.byAggregate[rested.Aggregate] == nil {
			e.byAggregate[rested.Aggregate] = map[*Entry]struct{}{}
		}
		e.byAggregate[rested.Aggregate][one] = struct{}{}
	}
	e.mu.Unlock()
	// What the cache evicts, at once or later, is unlinked.
	e.cache.Set(one.key, one)
}

// outdate drops what rests on an older version of an aggregate, and returns how many entries that were.
func (e *entries) outdate(aggregate string, version int64) uint64 {
	e.mu.Lock()
	var stale []*Entry
	for one := range e.byAggregate[aggregate] {
		for _, rested := range one.aggregates {
			if rested.Aggregate == aggregate && rested.Version < version {
				stale = append(stale, one)
			}
		}
	}
	e.mu.Unlock()
	for _, one := range stale {
		e.cache.Invalidate(one.key)
	}
	return uint64(len(stale))
}
