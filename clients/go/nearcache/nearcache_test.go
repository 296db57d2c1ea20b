package nearcache

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache/internal/protocol"
)

const users = 10_000

// full returns a near cache that holds an option of each user, and vouches for it.
func full(t testing.TB) *Cache {
	n := &Cache{watch: newWatcher(nil, Options{Bound: time.Hour, ServerBound: time.Hour, LongestCall: time.Hour, MaxBytes: 1 << 30})}
	p := n.watch.Protocol
	const epoch = "e"
	sent := p.Clock()
	p.Restarted()
	p.Calibrated(sent, p.Clock(), p.Clock(), epoch)
	p.Bookmarked(protocol.Bookmark{Position: "p", HasTime: true, Time: 0, Epoch: epoch})
	rests := &protocol.Certificate{Time: p.Clock() + time.Minute, ValidUntil: protocol.Always, Epoch: epoch}
	for user := range int64(users) {
		rests.Aggregates = []AggregateVersion{{Aggregate: fmt.Sprintf("user/%d", user), Version: 1}}
		answer := &userdv1.GetOptionResponse{Value: structpb.NewStringValue("dark"), Found: true}
		k := protocol.Key{Kind: optionKind, User: user, Text: "theme"}
		if verdict := p.Offer(p.Began(), k, nil, answer, 100, rests); verdict != protocol.Kept {
			t.Fatal(verdict)
		}
	}
	return n
}

func TestAHitAllocatesNothing(t *testing.T) {
	n := full(t)
	user := int64(0)
	allocations := testing.AllocsPerRun(1_000, func() {
		user = (user + 1) % users
		if got, err := n.Option(context.Background(), user, "theme", Scope{}); err != nil || !got.GetFound() {
			t.Fatal(got, err)
		}
	})
	if allocations != 0 {
		t.Fatalf("%v allocations", allocations)
	}
}

// BenchmarkHit reads options in turn: a near-cache hit, and the least that a caller could do by hand. Each makes its key.
func BenchmarkHit(b *testing.B) {
	n := full(b)
	b.Run("near cache", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for user := int64(0); pb.Next(); user = (user + 1) % users {
				if got, _ := n.Option(context.Background(), user, "theme", Scope{}); !got.GetFound() {
					b.Fatal("a miss")
				}
			}
		})
	})
	type key struct {
		user, project, organization int64
		name                        string
	}
	var plain sync.Map
	for user := range int64(users) {
		plain.Store(key{user: user, name: "theme"}, &userdv1.GetOptionResponse{Found: true})
	}
	b.Run("sync.Map", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for user := int64(0); pb.Next(); user = (user + 1) % users {
				if got, _ := plain.Load(key{user: user, name: "theme"}); !got.(*userdv1.GetOptionResponse).GetFound() {
					b.Fatal("a miss")
				}
			}
		})
	})
}
