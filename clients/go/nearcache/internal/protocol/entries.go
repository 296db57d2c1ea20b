package protocol

import (
	"hash/maphash"
	"math/bits"
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
	// cache has the entries by the hash of their key, which is a third of the time of a hit cheaper than by the key. Two keys of one hash take
	// each other's place: an entry has its key.
	cache *otter.Cache[uint64, *Entry]
	seed  maphash.Seed
	// mu guards byAggregate. The cache calls unlink while the protocol holds its own lock, and from other goroutines.
	mu          sync.Mutex
	byAggregate map[string]map[*Entry]struct{}
}

func newEntries(maxBytes uint64) *entries {
	e := &entries{seed: maphash.MakeSeed(), byAggregate: map[string]map[*Entry]struct{}{}}
	e.cache = otter.Must(&otter.Options[uint64, *Entry]{
		MaximumWeight:    maxBytes,
		Weigher:          func(_ uint64, one *Entry) uint32 { return one.bytes },
		OnAtomicDeletion: func(event otter.DeletionEvent[uint64, *Entry]) { e.unlink(event.Value) },
	})
	return e
}

// mix folds a value into a hash.
func mix(hash, value uint64) uint64 {
	high, low := bits.Mul64(hash^value, 0x9e3779b97f4a7c15)
	return high ^ low
}

// hash is that of a key, by the seed of this process.
func (e *entries) hash(k *Key) uint64 {
	hash := maphash.String(e.seed, k.Text)
	hash = mix(hash, uint64(k.User))
	hash = mix(hash, uint64(k.Kind)<<32|uint64(uint32(k.Sub)))
	if k.Project|k.Organization != 0 {
		hash = mix(mix(hash, uint64(k.Project)), uint64(k.Organization))
	}
	if k.Hash != 0 {
		hash = mix(hash, k.Hash)
	}
	return hash
}

// get returns the entry of a key, which has this hash; nil = there is none.
func (e *entries) get(hash uint64, k *Key) *Entry {
	if found, ok := e.cache.GetIfPresent(hash); ok && found.key == *k {
		return found
	}
	return nil
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
	e.cache.Set(e.hash(&one.key), one)
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
		e.cache.Invalidate(e.hash(&one.key))
	}
	return uint64(len(stale))
}
