package protocol

import (
	"container/list"
	"math"
	"time"
)

// maxNoted is how many aggregates are remembered; with more changes than that, answers have to be younger.
const maxNoted = 100_000

const (
	// Never and Always are times before and after all others.
	Never  = time.Duration(math.MinInt64)
	Always = time.Duration(math.MaxInt64)
)

// noted is a version of an aggregate, and the database's time before which it was committed.
type noted struct {
	aggregate string
	version   int64
	upTo      time.Duration
}

// memory is the versions that the feed, and own writes, have named: by them an answer that arrives late is known to be outdated.
type memory struct {
	// In the order of upTo: what is noted again moves to the end.
	order       list.List
	byAggregate map[string]*list.Element
	// since is the database's time since which every change is remembered: an answer that is older may miss one.
	since time.Duration
}

func (m *memory) note(aggregate string, version int64, upTo time.Duration) {
	if before, found := m.byAggregate[aggregate]; found {
		version = max(version, before.Value.(noted).version)
		m.order.Remove(before)
	}
	m.byAggregate[aggregate] = m.order.PushBack(noted{aggregate, version, upTo})
	if m.order.Len() > maxNoted {
		m.forgetOldest()
	}
}

func (m *memory) versionOf(aggregate string) int64 {
	if found, ok := m.byAggregate[aggregate]; ok {
		return found.Value.(noted).version
	}
	return 0
}

func (m *memory) forgetOldest() {
	oldest := m.order.Remove(m.order.Front()).(noted)
	delete(m.byAggregate, oldest.aggregate)
	m.since = max(m.since, oldest.upTo)
}

// forgetBefore forgets what was noted before a time of the database.
func (m *memory) forgetBefore(time time.Duration) {
	for m.order.Len() > 0 && m.order.Front().Value.(noted).upTo < time {
		m.forgetOldest()
	}
}

// restart begins anew: nothing is known of changes that were committed before a time of the database.
func (m *memory) restart(time time.Duration) {
	m.order.Init()
	m.byAggregate = map[string]*list.Element{}
	m.since = time
}
