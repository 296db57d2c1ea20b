// A program that reads options through a near cache for as long as its stdin says, and prints what it has found, for the drill near-cache:
// test/drill/near-cache/reader.ts does the same, and readings.ts there says what the lines are.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"google.golang.org/protobuf/types/known/structpb"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache"
)

const (
	// readers are the goroutines that read, each of its own tally.
	readers = 8
	turn    = 5 * time.Millisecond
	// maxLate is how far a turn makes up for those that came late.
	maxLate = time.Second
	// One read of so many is of an option of its own, and one of all options of a user.
	ownEvery = 8
	allEvery = 16
)

// slot is one option.
type slot struct {
	UserID string `json:"userId"`
	Key    string `json:"key"`
}

func (s slot) user() int64 {
	id, err := strconv.ParseInt(s.UserID, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return id
}

// order is the first line of stdin.
type order struct {
	Address        string  `json:"address"`
	BoundMs        float64 `json:"boundMs"`
	ReadsPerSecond float64 `json:"readsPerSecond"`
	Slots          []slot  `json:"slots"`
	Own            []slot  `json:"own"`
}

// run is what reads of one value have in common; times are of the machine's clock.
type run struct {
	value, reads          int64
	firstEnded, lastBegan time.Duration
}

// tally is what the reads of one goroutine have found.
type tally struct {
	runs          []map[int64]*run
	last, highest []*run
	wentBack      int64
	// counts of reads.
	reads, failed, ownReads, belowFloor int64
}

func newTally(slots int) *tally {
	t := &tally{runs: make([]map[int64]*run, slots), last: make([]*run, slots), highest: make([]*run, slots)}
	for i := range t.runs {
		t.runs[i] = map[int64]*run{}
	}
	return t
}

func (t *tally) note(slot int, value int64, began time.Duration) {
	r := t.last[slot]
	if r == nil || r.value != value {
		if r = t.runs[slot][value]; r == nil {
			r = &run{value: value, firstEnded: now(), lastBegan: began}
			t.runs[slot][value] = r
		}
		t.last[slot] = r
	}
	r.reads++
	r.lastBegan = max(r.lastBegan, began)
	if high := t.highest[slot]; high == nil || value > high.value {
		t.highest[slot] = r
	} else if value < high.value && began > high.firstEnded {
		t.wentBack++
	}
}

var (
	started = time.Now()
	origin  = machineTime()
)

// machineTime is the monotonic clock of the machine, which all of its processes share.
func machineTime() time.Duration {
	const monotonic = 1
	var at syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&at)), 0); errno != 0 {
		log.Fatal(errno)
	}
	return time.Duration(at.Nano())
}

// now is a time of the machine's clock, by a call that is cheap. It is late by the time between the two looks at the start, which makes
// answers look older, never younger.
func now() time.Duration { return origin + time.Since(started) }

// own is an option that this program writes, and the value that was acknowledged to it.
type own struct {
	user  int64
	key   string
	floor atomic.Int64
}

// program is what the goroutines share.
type program struct {
	order
	near    *nearcache.Cache
	client  *client.Client
	users   []int64
	ofUser  map[int64][]int
	names   map[int64][]string
	owned   []*own
	stopped atomic.Bool
	writes  atomic.Int64
}

func (p *program) readOne(t *tally, slot int) {
	began := now()
	got, err := p.near.Option(context.Background(), p.users[slot], p.Slots[slot].Key, nearcache.Scope{})
	if err != nil {
		t.failed++
		return
	}
	t.reads++
	t.note(slot, int64(got.GetValue().GetNumberValue()), began)
}

func (p *program) readAll(t *tally, user int64) {
	began := now()
	got, err := p.near.Resolve(context.Background(), user, p.names[user], nearcache.Scope{})
	if err != nil {
		t.failed++
		return
	}
	t.reads++
	for i, one := range got.GetOptions() {
		t.note(p.ofUser[user][i], int64(one.GetValue().GetNumberValue()), began)
	}
}

func (p *program) readOwn(t *tally, o *own) {
	floor := o.floor.Load()
	got, err := p.near.Option(context.Background(), o.user, o.key, nearcache.Scope{})
	if err != nil {
		t.failed++
		return
	}
	t.reads++
	t.ownReads++
	if int64(got.GetValue().GetNumberValue()) < floor {
		t.belowFloor++
	}
}

// read reads until the program is stopped, at its share of the rate.
func (p *program) read(t *tally) {
	share := p.ReadsPerSecond / readers
	due, done := 0.0, rand.N(1000)
	for last := now(); !p.stopped.Load(); {
		time.Sleep(turn)
		at := now()
		due = min(due+min(at-last, maxLate).Seconds()*share, share)
		last = at
		for ; due >= 1 && !p.stopped.Load(); due-- {
			done++
			switch {
			case done%ownEvery == 0 && len(p.owned) > 0:
				p.readOwn(t, p.owned[done/ownEvery%len(p.owned)])
			case done%allEvery == 1:
				p.readAll(t, p.users[done/allEvery%len(p.users)])
			default:
				p.readOne(t, rand.N(len(p.Slots)))
			}
		}
	}
}

// write writes an option until the program is stopped.
func (p *program) write(o *own) {
	for next := int64(1); !p.stopped.Load(); next++ {
		time.Sleep(50*time.Millisecond + rand.N(time.Duration(2*p.BoundMs)*time.Millisecond))
		request := &userdv1.SetOptionRequest{UserId: o.user, Key: o.key, Value: structpb.NewNumberValue(float64(next))}
		// Of a write that fails nobody knows what became of it, and the next one is greater.
		if _, err := p.client.Options.SetOption(context.Background(), request); err == nil {
			o.floor.Store(next)
			p.writes.Add(1)
		}
	}
}

func ms(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }

func (p *program) readings(tallies []*tally) map[string]any {
	found := [][5]float64{}
	sum := tally{}
	for _, t := range tallies {
		sum.reads, sum.failed, sum.ownReads = sum.reads+t.reads, sum.failed+t.failed, sum.ownReads+t.ownReads
		sum.belowFloor, sum.wentBack = sum.belowFloor+t.belowFloor, sum.wentBack+t.wentBack
		for slot, runs := range t.runs {
			for _, r := range runs {
				found = append(found, [5]float64{float64(slot), float64(r.value), float64(r.reads), ms(r.firstEnded), ms(r.lastBegan)})
			}
		}
	}
	stats := p.near.Stats()
	return map[string]any{
		"reads": sum.reads, "failed": sum.failed, "ownReads": sum.ownReads, "belowFloor": sum.belowFloor, "wentBack": sum.wentBack,
		"ownWrites": p.writes.Load(), "hits": stats.Hits, "resumes": stats.Resumes, "resets": stats.Resets, "found": found,
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	p := &program{ofUser: map[int64][]int{}, names: map[int64][]string{}}
	if !lines.Scan() {
		log.Fatal("no order")
	}
	if err := json.Unmarshal(lines.Bytes(), &p.order); err != nil {
		log.Fatal(err)
	}
	c, err := client.Dial(p.Address, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	bound := time.Duration(p.BoundMs * float64(time.Millisecond))
	p.client, p.near = c, nearcache.Open(c, nearcache.Options{Bound: bound, ServerBound: bound})
	defer p.near.Close()
	for i, one := range p.Slots {
		user := one.user()
		p.users = append(p.users, user)
		p.ofUser[user] = append(p.ofUser[user], i)
		p.names[user] = append(p.names[user], one.Key)
	}
	var working sync.WaitGroup
	for _, one := range p.Own {
		o := &own{user: one.user(), key: one.Key}
		p.owned = append(p.owned, o)
		working.Go(func() { p.write(o) })
	}
	tallies := make([]*tally, readers)
	for i := range tallies {
		tallies[i] = newTally(len(p.Slots))
		working.Go(func() { p.read(tallies[i]) })
	}
	if err := p.near.Live(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("live")
	lines.Scan()
	p.stopped.Store(true)
	working.Wait()
	line, err := json.Marshal(p.readings(tallies))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}
