package client

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// outcome is what became of a read in a batch: an error, or the function that fills its reply. With neither it is asked by itself.
type outcome struct {
	fill func(reply any)
	err  error
}

// read is a read that waits for its batch to be sent, or to be answered.
type read struct {
	ctx     context.Context
	request any
	done    chan outcome
}

// call makes a call of another RPC on the connection of the reads.
type call func(ctx context.Context, path string, request, reply any) error

// group is reads that can be asked together.
type group struct {
	batching batching
	reads    []*read
	call     call
	timer    *time.Timer
}

// coalescer gathers reads for a moment and asks them together.
type coalescer struct {
	within time.Duration
	token  func(context.Context) (string, error)
	mu     sync.Mutex
	groups map[string]*group
}

// coalesce makes an interceptor that asks reads of a moment by one call, where there is an RPC for it. Only reads with the same metadata, token
// and consistency are asked together. A read ends at its own deadline and with its own context.
func coalesce(within time.Duration, token func(context.Context) (string, error)) grpc.UnaryClientInterceptor {
	c := &coalescer{within: within, token: token, groups: map[string]*group{}}
	return func(ctx context.Context, path string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		key, batching, ok := c.keyOf(ctx, path, request, opts)
		if !ok {
			return invoke(ctx, path, request, reply, conn, opts...)
		}
		waiting := &read{ctx, request, make(chan outcome, 1)}
		c.join(key, waiting, batching, func(ctx context.Context, path string, request, reply any) error {
			return invoke(ctx, path, request, reply, conn, opts...)
		})
		select {
		case found := <-waiting.done:
			switch {
			case found.err != nil:
				return found.err
			case found.fill != nil:
				found.fill(reply)
				return nil
			}
			return invoke(ctx, path, request, reply, conn, opts...)
		case <-ctx.Done():
			return typed(ctx.Err())
		}
	}
}

// keyOf returns what reads of one batch have in common; false = the call is made as it is.
func (c *coalescer) keyOf(ctx context.Context, path string, request any, opts []grpc.CallOption) (string, batching, bool) {
	batching, known := batchings[path]
	if !known || ctx.Err() != nil {
		return "", batching, false
	}
	// What an option asks for, such as the headers of the answer, is of one call.
	for _, opt := range opts {
		if _, is := opt.(grpc.StaticMethodCallOption); !is {
			return "", batching, false
		}
	}
	sent, _ := metadata.FromOutgoingContext(ctx)
	common, ok := batching.common(request, sent)
	if !ok {
		return "", batching, false
	}
	parts := []string{path, common, ""}
	if c.token != nil {
		// It may be another one for each context.
		token, err := c.token(ctx)
		if err != nil {
			return "", batching, false
		}
		parts[2] = token
	}
	names := make([]string, 0, len(sent))
	for name := range sent {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		parts = append(append(parts, name, strconv.Itoa(len(sent[name]))), sent[name]...)
	}
	// Each says its length: no two lists of parts have one key.
	var key strings.Builder
	for _, part := range parts {
		key.WriteString(strconv.Itoa(len(part)))
		key.WriteByte(':')
		key.WriteString(part)
	}
	return key.String(), batching, true
}

// join adds a read to its group. The first one of a group lets it be sent after a moment, and the one that fills it at once.
func (c *coalescer) join(key string, waiting *read, batching batching, call call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[key]
	if g == nil {
		g = &group{batching: batching, call: call}
		g.timer = time.AfterFunc(c.within, func() { c.send(key, g) })
		c.groups[key] = g
	}
	g.reads = append(g.reads, waiting)
	if len(g.reads) == maxReads {
		g.timer.Stop()
		delete(c.groups, key)
		go g.ask()
	}
}

// send asks a group, unless it was full before its moment was over.
func (c *coalescer) send(key string, g *group) {
	c.mu.Lock()
	isThere := c.groups[key] == g
	if isThere {
		delete(c.groups, key)
	}
	c.mu.Unlock()
	if isThere {
		g.ask()
	}
}

func (g *group) ask() {
	waiting := slices.DeleteFunc(g.reads, func(r *read) bool { return r.ctx.Err() != nil })
	for _, batch := range g.batching.divide(waiting) {
		if len(batch.reads) == 1 {
			batch.reads[0].done <- outcome{}
			continue
		}
		go batch.run(g.call)
	}
}

// run asks the reads of a batch by one call, which lasts until the last of their deadlines, and ends when nobody waits for it any more.
func (b batch) run(call call) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.reads[0].ctx))
	defer cancel()
	var awaited atomic.Int64
	awaited.Store(int64(len(b.reads)))
	var last time.Time
	for _, r := range b.reads {
		stop := context.AfterFunc(r.ctx, func() {
			if awaited.Add(-1) == 0 {
				cancel()
			}
		})
		defer stop()
		if deadline, _ := r.ctx.Deadline(); deadline.After(last) {
			last = deadline
		}
	}
	ctx, cancelAtLast := context.WithDeadline(ctx, last)
	defer cancelAtLast()
	fills, err := b.ask(ctx, call)
	for i, r := range b.reads {
		switch {
		case err == nil:
			r.done <- outcome{fill: fills[i]}
		case isOfOne(err):
			r.done <- outcome{}
		default:
			r.done <- outcome{err: err}
		}
	}
}

// isOfOne tells whether an error of a batch can be that of one of its reads, or of their number: each is asked by itself then.
func isOfOne(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition, codes.OutOfRange:
		return true
	}
	return e.Reason == userdv1.ErrorReason_RESPONSE_TOO_LARGE || e.Reason == userdv1.ErrorReason_REQUEST_TOO_LARGE
}
