// The driver of the near cache in Go, for clients/conformance: a command per line of stdin, in JSON, an answer per line of stdout.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"time"

	"userd.dev/client/nearcache/internal/protocol"
)

// command is a command; clients/conformance/README.md describes each. Times are milliseconds, a null is none.
type command struct {
	Do                                         string
	BoundMs, ServerBoundMs, LongestCallMs, Ms  float64
	MaxBytes                                   uint64
	AggregateKinds                             []string
	Sent, Answered                             float64
	Time, ValidUntil                           *float64
	Epoch, Configuration, Position, Fetch, Key string
	Value                                      string
	Bytes                                      uint32
	Aggregates                                 []struct {
		Aggregate string
		Version   int64
	}
}

func ms(value float64) time.Duration { return time.Duration(value * float64(time.Millisecond)) }

func (c *command) versions() []protocol.AggregateVersion {
	var versions []protocol.AggregateVersion
	for _, one := range c.Aggregates {
		versions = append(versions, protocol.AggregateVersion{Aggregate: one.Aggregate, Version: one.Version})
	}
	return versions
}

// cache is the near cache that commands speak to, under a clock that they set.
type cache struct {
	*protocol.Protocol
	now     time.Duration
	fetches map[string]protocol.Fetch
}

func (n *cache) open(c *command) {
	kinds := map[string]struct{}{}
	for _, kind := range c.AggregateKinds {
		kinds[kind] = struct{}{}
	}
	n.now, n.fetches = 0, map[string]protocol.Fetch{}
	n.Protocol = protocol.New(protocol.Options{
		Bound: ms(c.BoundMs), ServerBound: ms(c.ServerBoundMs), LongestCall: ms(c.LongestCallMs), MaxBytes: c.MaxBytes,
		AggregateKinds: kinds, Clock: func() time.Duration { return n.now },
	})
}

func (n *cache) offer(c *command) string {
	answer := &protocol.Certificate{
		Aggregates: c.versions(), Time: ms(*c.Time), ValidUntil: protocol.Always, Epoch: c.Epoch, Configuration: c.Configuration,
	}
	if c.ValidUntil != nil {
		answer.ValidUntil = ms(*c.ValidUntil)
	}
	return n.Offer(n.fetches[c.Fetch], protocol.Key{Text: c.Key}, nil, c.Value, c.Bytes, answer).String()
}

func (n *cache) bookmark(c *command) {
	mark := protocol.Bookmark{Position: c.Position, HasTime: c.Time != nil, Epoch: c.Epoch, Configuration: c.Configuration}
	if mark.HasTime {
		mark.Time = ms(*c.Time)
	}
	n.Bookmarked(mark)
}

// run carries out a command, and returns what it answers, if anything.
func (n *cache) run(c *command) any {
	switch c.Do {
	case "open":
		n.open(c)
	case "pass":
		n.now += ms(c.Ms)
	case "calibrated":
		n.Calibrated(ms(c.Sent), ms(c.Answered), ms(*c.Time), c.Epoch)
	case "changed", "raised":
		n.Changed(c.versions())
	case "bookmarked":
		n.bookmark(c)
	case "resumed":
		n.Resumed()
	case "restarted":
		n.Restarted()
	case "wrote":
		var aggregates []string
		for _, one := range c.versions() {
			aggregates = append(aggregates, one.Aggregate)
		}
		n.Wrote(aggregates)
	case "began":
		n.fetches[c.Fetch] = n.Began()
	case "offer":
		return n.offer(c)
	case "get":
		if found := n.Get(protocol.Key{Text: c.Key}); found != nil {
			return found.Value
		}
	case "position":
		if position, _ := n.At(); position != "" {
			return position
		}
	default:
		log.Fatalf("no command %q", c.Do)
	}
	return nil
}

func main() {
	lines, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	lines.Buffer(nil, 1<<24)
	n := &cache{}
	for lines.Scan() {
		var commands []command
		if err := json.Unmarshal(lines.Bytes(), &commands); err != nil {
			log.Fatal(err)
		}
		answers := make([]any, len(commands))
		for i := range commands {
			answers[i] = n.run(&commands[i])
		}
		line, _ := json.Marshal(answers)
		_, _ = out.Write(append(line, '\n'))
		_ = out.Flush()
	}
}
