package protocol

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// AggregateVersion is an aggregate, "KIND/ID" as in the feed, at one of its versions.
type AggregateVersion struct {
	Aggregate string
	Version   int64
}

// Certificate is what an answer rests on, as the service certifies it. Times are the database's.
type Certificate struct {
	Aggregates []AggregateVersion
	// Time is when all aggregates had these versions, ValidUntil when the answer counts no more.
	Time, ValidUntil     time.Duration
	Epoch, Configuration string
}

// Bookmark is what the feed vouches for: everything that was committed before time has been delivered.
type Bookmark struct {
	Position string
	// HasTime is false when the stream is behind, and vouches for nothing.
	HasTime              bool
	Time                 time.Duration
	Epoch, Configuration string
}

// Fetch is a call that is under way.
type Fetch struct {
	began      time.Duration
	generation uint64
}

// Verdict is what became of an answer. Only an outdated one should be fetched again.
type Verdict int

const (
	Kept Verdict = iota
	Outdated
	TooOld
	OtherEpoch
	NotWatching
	OtherKind
	WrittenMeanwhile
	verdicts
)

var verdictNames = [verdicts]string{"kept", "outdated", "too old", "other epoch", "not watching", "other kind", "written meanwhile"}

// Options are the options of the protocol.
type Options struct {
	Bound, ServerBound, LongestCall time.Duration
	MaxBytes                        uint64
	AggregateKinds                  map[string]struct{}
	// Clock is the monotonic clock of this process.
	Clock func() time.Duration
}

// Protocol is the near cache without I/O and without timers: docs/near-cache.md describes it. Whoever drives it tells it what arrives and
// asks it for entries. A get takes no lock.
type Protocol struct {
	Options
	entries *entries
	// usableUntil is the last moment at which entries may be read, by the clock of this process; offset is that of the database's clock.
	usableUntil, offset atomic.Int64
	misses              atomic.Uint64
	hits                counter

	mu                          sync.Mutex
	memory                      memory
	database                    databaseClock
	hasOffset, isFresh, isBound bool
	epoch, configuration        string
	// clockEpoch is the epoch whose clock was observed.
	clockEpoch string
	// position is empty when a stream has to begin anew.
	position string
	// lease is the database's time before which every commit has been delivered: it renews all entries.
	lease time.Duration
	// written says when aggregates were written by this client, to versions that it does not know.
	written    map[string]time.Duration
	anyWritten time.Duration
	// generation counts the times that everything was dropped, so that no fetch from before brings anything back.
	generation                    uint64
	offered                       [verdicts]uint64
	lost, resets, resumes, drifts uint64
}

func New(options Options) *Protocol {
	p := &Protocol{Options: options, entries: newEntries(options.MaxBytes), written: map[string]time.Duration{}, anyWritten: Never, lease: Never}
	p.usableUntil.Store(int64(Never))
	p.memory.restart(Always)
	return p
}

// Get returns what is kept under a key, if it was the latest within the bound; nil = it has to be fetched.
func (p *Protocol) Get(k Key) *Entry {
	now := p.Clock()
	// The lease is read before the entry: what the lease's changes outdated is gone by then.
	if int64(now) <= p.usableUntil.Load() {
		hash := p.entries.hash(&k)
		if found := p.entries.get(hash, &k); found != nil && (found.validUntil == Always || now+time.Duration(p.offset.Load()) < found.validUntil) {
			p.hits.add(hash)
			return found
		}
	}
	p.misses.Add(1)
	return nil
}

// databaseTime is the most that the database's clock can show at a time of this process, which has to be known.
func (p *Protocol) databaseTime(now time.Duration) time.Duration {
	return now + time.Duration(p.offset.Load())
}

func (p *Protocol) stop() {
	p.usableUntil.Store(int64(Never))
}

func (p *Protocol) dropAll() {
	p.generation++
	p.entries.cache.InvalidateAll()
	p.resets++
}

// beginAnew drops everything. What was committed before the next bookmark is unknown then: only answers from after it are kept.
func (p *Protocol) beginAnew() {
	p.dropAll()
	p.isFresh = true
	p.memory.restart(Always)
}

func (p *Protocol) renew(now time.Duration) {
	bound, known := p.database.offset(now)
	if !known && p.hasOffset {
		p.stop()
		p.beginAnew()
	}
	p.hasOffset = known
	if !known || p.lease == Never {
		p.offset.Store(int64(bound + driftMargin))
		p.stop()
		return
	}
	p.offset.Store(int64(bound + driftMargin))
	p.usableUntil.Store(int64(p.lease + p.Bound - bound - driftMargin))
}

// startOver forgets all that streams and clocks have shown.
func (p *Protocol) startOver() {
	p.stop()
	p.beginAnew()
	p.database = databaseClock{}
	p.hasOffset, p.isBound = false, false
	p.position, p.epoch, p.configuration, p.lease = "", "", "", Never
}

func (p *Protocol) Began() Fetch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Fetch{p.Clock(), p.generation}
}

func (p *Protocol) judge(f Fetch, c *Certificate) Verdict {
	switch {
	case f.generation != p.generation || !p.isBound || !p.hasOffset:
		return NotWatching
	case c.Epoch != p.epoch || c.Configuration != p.configuration:
		return OtherEpoch
	case f.began <= p.anyWritten:
		return WrittenMeanwhile
	}
	for _, rested := range c.Aggregates {
		if p.memory.versionOf(rested.Aggregate) > rested.Version {
			return Outdated
		}
		if at, found := p.written[rested.Aggregate]; found && f.began <= at {
			return WrittenMeanwhile
		}
		kind, _, _ := strings.Cut(rested.Aggregate, "/")
		if _, found := p.AggregateKinds[kind]; !found {
			return OtherKind
		}
	}
	// A change that was committed before may have been delivered and forgotten, or Never be delivered.
	if c.Time > p.memory.since {
		return Kept
	}
	return TooOld
}

// Offer takes an answer.
func (p *Protocol) Offer(f Fetch, k Key, keys []string, value any, bytes uint32, c *Certificate) Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.judge(f, c)
	if v == Kept {
		p.entries.put(&Entry{k, keys, value, bytes, c.Aggregates, c.ValidUntil})
	}
	p.offered[v]++
	return v
}

// Serves tells whether an answer of another read's fetch serves a read that began at a time of this process.
func (p *Protocol) Serves(c *Certificate, readBegan time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasOffset && p.databaseTime(readBegan)-c.Time <= max(p.Bound, p.ServerBound)
}

// Changed notes changes that the feed has delivered, or floors of own writes. They outdate entries, and vouch for nothing.
func (p *Protocol) Changed(changes []AggregateVersion) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Clock()
	for _, change := range changes {
		// Without the database's time the memory begins anew at a later bookmark.
		if p.hasOffset {
			p.memory.note(change.Aggregate, change.Version, p.databaseTime(now))
		}
		p.lost += p.entries.outdate(change.Aggregate, change.Version)
	}
}

// Bookmarked notes a bookmark, which is about all changes noted before it.
func (p *Protocol) Bookmarked(b Bookmark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Clock()
	if p.isBound && p.epoch != b.Epoch {
		p.startOver()
	}
	if p.isBound && p.configuration != b.Configuration {
		p.dropAll()
	}
	// The clock of another database is another one.
	if p.clockEpoch != b.Epoch {
		p.database = databaseClock{}
	}
	p.isBound, p.epoch, p.configuration, p.position = true, b.Epoch, b.Configuration, b.Position
	p.renew(now)
	// A time that can't be yet: the database's clock was set, and nothing that was learned of it holds.
	if p.hasOffset && b.HasTime && b.Time > p.databaseTime(now) {
		p.database = databaseClock{}
		p.drifts++
		p.lease = Never
		p.renew(now)
		return
	}
	// Until the database's time is known, what came before the stream can't be told from what came after.
	if p.isFresh && p.hasOffset {
		p.memory.restart(p.databaseTime(now))
		p.isFresh = false
	}
	if b.HasTime {
		p.lease = max(p.lease, b.Time)
	}
	p.renew(now)
	if p.hasOffset {
		p.memory.forgetBefore(p.databaseTime(now) - max(p.Bound, p.ServerBound) - p.LongestCall)
	}
	for aggregate, at := range p.written {
		if now-at > p.LongestCall {
			delete(p.written, aggregate)
		}
	}
}

// Calibrated learns the database's time from GetFeedPosition, which says of which epoch the database is.
func (p *Protocol) Calibrated(sent, answered, databaseTime time.Duration, epoch string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isBound && epoch != p.epoch {
		return
	}
	if p.clockEpoch != epoch {
		p.database = databaseClock{}
		p.clockEpoch = epoch
	}
	if !p.database.observe(sent, answered, databaseTime) {
		p.startOver()
		p.drifts++
		p.database.observe(sent, answered, databaseTime)
	}
	p.renew(answered)
}

// Resumed notes that a stream goes on behind a position that was reached.
func (p *Protocol) Resumed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resumes++
}

// Restarted notes that a stream begins anew: what was committed before its first bookmark is unknown.
func (p *Protocol) Restarted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startOver()
}

// Wrote notes that an own write was answered that changed aggregates to versions that are unknown; nil = any.
func (p *Protocol) Wrote(aggregates []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Clock()
	if aggregates == nil {
		p.anyWritten = now
		p.entries.cache.InvalidateAll()
	}
	for _, aggregate := range aggregates {
		p.written[aggregate] = now
		p.entries.outdate(aggregate, int64(Always))
	}
}

// At returns the position behind which a stream goes on, empty = it has to begin anew, and whether the database's time is unknown.
func (p *Protocol) At() (position string, needsTime bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position, !p.hasOffset
}

// Stats are the counters of a near cache, and how far it is behind.
type Stats struct {
	Hits, Misses uint64
	// Verdicts counts the answers of Fetches, by what became of them.
	Verdicts map[string]uint64
	// Outdated counts the entries that changes of the feed outdated; Resets how often everything was dropped; Resumes how often a stream
	// went on where the one before had ended; Drifts how often the clocks of this process and the database had drifted apart.
	Outdated, Resets, Resumes, Drifts uint64
	Entries                           int
	Bytes                             uint64
	// Lag is the most that an entry can be out of date now, if IsLive.
	Lag    time.Duration
	IsLive bool
}

func (p *Protocol) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{
		Hits: p.hits.sum(), Misses: p.misses.Load(), Verdicts: map[string]uint64{},
		Outdated: p.lost, Resets: p.resets, Resumes: p.resumes, Drifts: p.drifts,
		Entries: p.entries.cache.EstimatedSize(), Bytes: p.entries.cache.WeightedSize(),
	}
	for v, count := range p.offered {
		s.Verdicts[verdictNames[v]] = count
	}
	if p.hasOffset && p.lease != Never {
		s.Lag = p.databaseTime(p.Clock()) - p.lease
		s.IsLive = s.Lag <= p.Bound
	}
	return s
}

// String is the name of a verdict.
func (v Verdict) String() string { return verdictNames[v] }
