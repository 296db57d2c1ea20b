package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// play is a connection without a service, whose batches wait for until, and that notes which values each call asked for.
type play struct {
	read  grpc.UnaryClientInterceptor
	until func(context.Context) error

	mu      sync.Mutex
	arrived []string
}

type tokenKey struct{}

func newPlay() *play {
	// The token of a context, as a program could have that serves several users.
	token := func(ctx context.Context) (string, error) {
		token, _ := ctx.Value(tokenKey{}).(string)
		return token, nil
	}
	return &play{read: coalesce(time.Millisecond, token), until: func(context.Context) error { return nil }}
}

func (p *play) invoke(ctx context.Context, path string, request, reply any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
	var asked []string
	var users []int64
	if one, is := request.(*userdv1.GetOptionRequest); is {
		asked = []string{fmt.Sprint(one.GetUserId(), one.GetKey())}
		reply.(*userdv1.GetOptionResponse).Found = true
	} else {
		many := request.(*userdv1.BatchGetOptionsRequest)
		users = many.GetUserIds()
		for _, user := range users {
			for _, key := range many.GetKeys() {
				asked = append(asked, fmt.Sprint(user, key))
			}
		}
	}
	slices.Sort(asked)
	p.mu.Lock()
	p.arrived = append(p.arrived, strings.Join(asked, " "))
	p.mu.Unlock()
	if users == nil {
		return nil
	}
	if err := p.until(ctx); err != nil {
		return typed(err)
	}
	for _, user := range users {
		answer := reply.(*userdv1.BatchGetOptionsResponse)
		answer.Results = append(answer.Results, &userdv1.UserOptions{UserId: user, UserFound: true})
	}
	return nil
}

func (p *play) get(ctx context.Context, user int64, change func(*userdv1.GetOptionRequest)) (*userdv1.GetOptionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, reply := &userdv1.GetOptionRequest{UserId: user, Key: "k"}, &userdv1.GetOptionResponse{}
	if change != nil {
		change(request)
	}
	err := p.read(ctx, userdv1.UserOptionService_GetOption_FullMethodName, request, reply, nil, p.invoke, grpc.StaticMethod())
	return reply, err
}

// asks returns what arrived since it was asked last, in order.
func (p *play) asks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asks := slices.Sorted(slices.Values(p.arrived))
	p.arrived = nil
	return asks
}

func TestReadsThatDifferAreNotAskedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		ctx := t.Context()
		as := func(user string) context.Context {
			return metadata.AppendToOutgoingContext(ctx, "x-acting-user-id", user)
		}
		token := func(text string) func(*userdv1.GetOptionRequest) {
			mode := &userdv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: text}
			return func(r *userdv1.GetOptionRequest) { r.Consistency = &userdv1.Consistency{Mode: mode} }
		}
		kinds := []struct {
			ctx    context.Context
			change func(*userdv1.GetOptionRequest)
		}{
			{ctx, nil},
			{as("1"), nil},
			{as("2"), nil},
			{context.WithValue(ctx, tokenKey{}, "another caller's"), nil},
			{ctx, func(r *userdv1.GetOptionRequest) { r.ProjectId = 7 }},
			{ctx, func(r *userdv1.GetOptionRequest) { r.OrganizationId = 7 }},
			{ctx, token("a")},
			{ctx, token("b")},
		}
		var want []string
		for i, kind := range kinds {
			first, second := int64(100+2*i), int64(101+2*i)
			go p.get(kind.ctx, first, kind.change)
			go p.get(kind.ctx, second, kind.change)
			want = append(want, fmt.Sprint(first, "k", " ", second, "k"))
		}
		time.Sleep(time.Second)
		if got := p.asks(); !slices.Equal(got, want) {
			t.Fatalf("asked %q, want %q", got, want)
		}
		certify := func(r *userdv1.GetOptionRequest) { r.Certify = true }
		for user := range int64(2) {
			go p.get(ctx, user+1, certify)
		}
		time.Sleep(time.Second)
		if got := p.asks(); !slices.Equal(got, []string{"1k", "2k"}) {
			t.Fatalf("of a certificate: asked %q", got)
		}
	})
}

func TestABatchAsksForWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		ask := func(count int, userOf func(int) int64, keyOf func(int) string) []int {
			for i := range count {
				go p.get(t.Context(), userOf(i), func(r *userdv1.GetOptionRequest) { r.Key = keyOf(i) })
			}
			time.Sleep(time.Second)
			var sizes []int
			for _, asked := range p.asks() {
				sizes = append(sizes, len(strings.Fields(asked)))
			}
			slices.Sort(sizes)
			return sizes
		}
		dense := ask(6, func(i int) int64 { return int64(i/2) + 1 }, func(i int) string { return fmt.Sprint("k", i%2) })
		sparse := ask(40, func(i int) int64 { return int64(i) + 1 }, func(i int) string { return fmt.Sprint("k", i%20) })
		many := ask(1200, func(i int) int64 { return int64(i) + 1 }, func(int) string { return "k" })
		if !slices.Equal(dense, []int{6}) || !slices.Equal(sparse, slices.Repeat([]int{2}, 20)) || !slices.Equal(many, []int{200, 500, 500}) {
			t.Fatalf("asked for %v, %v and %v values", dense, sparse, many)
		}
		if got, err := p.get(t.Context(), 5, nil); err != nil || !got.GetFound() {
			t.Fatalf("a read without others: %v, %v", got, err)
		}
	})
}

func TestAReadEndsWithItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		var ended atomic.Bool
		p.until = func(ctx context.Context) error { <-ctx.Done(); ended.Store(true); return ctx.Err() }
		begin := func(user int64) (context.CancelFunc, chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { _, err := p.get(ctx, user, nil); done <- err }()
			return cancel, done
		}
		cancelFirst, first := begin(0)
		cancelSecond, second := begin(1)
		cancelThird, third := begin(2)
		synctest.Wait()
		cancelFirst()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Fatalf("before it was sent: %v", err)
		}
		time.Sleep(time.Second)
		cancelSecond()
		if err := <-second; !errors.Is(err, context.Canceled) || ended.Load() {
			t.Fatalf("%v; the call has ended: %v", err, ended.Load())
		}
		cancelThird()
		if err := <-third; !errors.Is(err, context.Canceled) {
			t.Fatalf("the last one: %v", err)
		}
		synctest.Wait()
		if got := p.asks(); !ended.Load() || !slices.Equal(got, []string{"1k 2k"}) {
			t.Fatalf("asked %q; the call has ended: %v", got, ended.Load())
		}
	})
}

func TestAReadEndsAtItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		p.until = func(ctx context.Context) error {
			select {
			case <-time.After(10 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		patient := make(chan error, 1)
		go func() { _, err := p.get(t.Context(), 1, nil); patient <- err }()
		if _, err := p.get(short, 2, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("of a second: %v", err)
		}
		if err := <-patient; err != nil {
			t.Fatalf("of a minute: %v", err)
		}
	})
}

func TestAnErrorOfOneReadIsNotThatOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		answersTo := func(code codes.Code) (failed int) {
			p.until = func(context.Context) error { return status.Error(code, "no") }
			errs := make(chan error)
			for user := range int64(2) {
				go func() { _, err := p.get(t.Context(), user+1, nil); errs <- err }()
			}
			for range 2 {
				if err := <-errs; err != nil {
					failed++
				}
			}
			return failed
		}
		if failed, asked := answersTo(codes.PermissionDenied), p.asks(); failed != 0 || !slices.Equal(asked, []string{"1k", "1k 2k", "2k"}) {
			t.Fatalf("%d failed, asked %q", failed, asked)
		}
		// A full service is not asked again.
		if failed, asked := answersTo(codes.ResourceExhausted), p.asks(); failed != 2 || !slices.Equal(asked, []string{"1k 2k"}) {
			t.Fatalf("%d failed, asked %q", failed, asked)
		}
	})
}
