// Package nearcache answers reads of userd from this process's memory, where the change feed vouches that an answer was the latest within a
// bound. docs/near-cache.md has the protocol.
package nearcache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache/internal/protocol"
)

// AggregateVersion is an aggregate, "KIND/ID" as in the feed, at one of its versions.
type AggregateVersion = protocol.AggregateVersion

// Stats are the counters of a near cache, and how far it is behind.
type Stats = protocol.Stats

// Options are the options of Open. The zero value of each means its default.
type Options struct {
	// Bound is the most that a kept answer may be out of date when a read begins. Default: 2 s, as the service's.
	Bound time.Duration
	// ServerBound is the service's own bound, CACHE_STALENESS_MS. Default: 2 s.
	ServerBound time.Duration
	// LongestCall is the longest time that a read of this client takes. Default: 4 s.
	LongestCall time.Duration
	// MaxBytes is the most memory. Default: 64 MiB.
	MaxBytes uint64
	// CachePermissions keeps access checks, and users with their permissions.
	CachePermissions bool
	// OnError hears of errors of the feed; the near cache goes on by itself.
	OnError func(error)
}

// Scope is the project or organization of an option; neither = the global scope.
type Scope struct{ ProjectID, OrganizationID int64 }

// Cache is reads that are answered from memory where the feed vouches for them. Answers are shared: nobody may change them.
type Cache struct {
	client  *client.Client
	options Options
	watch   *watcher
	flights singleflight.Group
	// round is part of the names of flights: no read shares a call that began before an own write was answered.
	round atomic.Uint64
	seed  maphash.Seed
	close func()
}

// The kinds of questions.
const (
	optionKind byte = iota + 1
	resolvedKind
	userKind
	ownerKind
	resourceKind
)

// The memory that an entry takes beside its message, and per byte of it.
const (
	entryBytes   = 600
	bytesPerByte = 6
)

// Open opens a near cache over a client. Its caller needs the permission changes.read. It lives until Close.
func Open(c *client.Client, options Options) *Cache {
	options.Bound = or(options.Bound, 2*time.Second)
	options.ServerBound = or(options.ServerBound, 2*time.Second)
	options.LongestCall = or(options.LongestCall, 4*time.Second)
	options.MaxBytes = or(options.MaxBytes, 64<<20)
	if options.OnError == nil {
		options.OnError = func(error) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Cache{client: c, options: options, seed: maphash.MakeSeed(), watch: newWatcher(c, options)}
	stopListening := c.OnWrite(func(named client.Named) {
		n.watch.Wrote(aggregatesOf(named))
		n.round.Add(1)
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.watch.run(ctx)
	}()
	n.close = sync.OnceFunc(func() {
		cancel()
		stopListening()
		<-done
		n.watch.Restarted()
	})
	return n
}

func or[T comparable](value, otherwise T) T {
	if value == *new(T) {
		return otherwise
	}
	return value
}

// Close ends the feed. Every read is an RPC from then on.
func (n *Cache) Close() { n.close() }

// Stats returns the counters, and how far the near cache is behind.
func (n *Cache) Stats() Stats { return n.watch.Stats() }

// OnChange calls a function with the changes that arrive; the function that it returns stops that.
func (n *Cache) OnChange(listener func([]AggregateVersion)) (stop func()) {
	return n.watch.onChange(listener)
}

// Live returns once the feed vouches for entries.
func (n *Cache) Live(ctx context.Context) error {
	select {
	case <-n.watch.live:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer is an answer of the service, and what it rests on; nil = it is not to be kept.
type answer struct {
	message     proto.Message
	certificate *protocol.Certificate
}

// read asks the service for what is not kept, and keeps it. Reads that come meanwhile share one call.
func (n *Cache) read(ctx context.Context, k protocol.Key, keys []string, ask func(context.Context, *userdv1.Consistency) (answer, error)) (proto.Message, error) {
	began := n.watch.Clock()
	run := func(ctx context.Context) (answer, error) {
		for _, consistency := range []*userdv1.Consistency{nil, {Mode: &userdv1.Consistency_FullyConsistent{FullyConsistent: true}}} {
			f := n.watch.Began()
			found, err := ask(ctx, consistency)
			if err != nil || found.certificate == nil {
				return found, err
			}
			bytes := uint32(proto.Size(found.message)*bytesPerByte + entryBytes)
			// An answer that the feed has outdated meanwhile would take the reader back.
			if n.watch.Offer(f, k, keys, found.message, bytes, found.certificate) != protocol.Outdated || consistency != nil {
				return found, nil
			}
		}
		panic("unreachable")
	}
	isOwn := false
	name := fmt.Sprint(n.round.Load(), k, len(keys), keys)
	flight := n.flights.DoChan(name, func() (any, error) {
		isOwn = true
		// Who began the call may give up on it; others wait.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.options.LongestCall)
		defer cancel()
		return run(shared)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		// A call that began before this read may have an answer that is older than this read can take.
		found := result.Val.(answer)
		if !isOwn && (found.certificate == nil || !n.watch.Serves(found.certificate, began)) {
			again, err := run(ctx)
			return again.message, err
		}
		return found.message, nil
	}
}

// Option is GetOption.
func (n *Cache) Option(ctx context.Context, userID int64, name string, scope Scope) (*userdv1.GetOptionResponse, error) {
	k := protocol.Key{Kind: optionKind, User: userID, Project: scope.ProjectID, Organization: scope.OrganizationID, Text: name}
	if found := n.watch.Get(k); found != nil {
		return found.Value.(*userdv1.GetOptionResponse), nil
	}
	return n.option(ctx, k)
}

func (n *Cache) option(ctx context.Context, k protocol.Key) (*userdv1.GetOptionResponse, error) {
	message, err := n.read(ctx, k, nil, func(ctx context.Context, consistency *userdv1.Consistency) (answer, error) {
		got, err := n.client.Options.GetOption(ctx, &userdv1.GetOptionRequest{
			UserId: k.User, Key: k.Text, ProjectId: k.Project, OrganizationId: k.Organization, Certify: true, Consistency: consistency,
		})
		return answer{got, certificateOf(got.GetCertificate())}, err
	})
	got, _ := message.(*userdv1.GetOptionResponse)
	return got, err
}

// Resolve is ResolveOptions of one user.
func (n *Cache) Resolve(ctx context.Context, userID int64, names []string, scope Scope) (*userdv1.ResolvedOptions, error) {
	k := protocol.Key{Kind: resolvedKind, User: userID, Project: scope.ProjectID, Organization: scope.OrganizationID}
	for _, name := range names {
		k.Hash = k.Hash*31 + maphash.String(n.seed, name)
	}
	if found := n.watch.Get(k); found != nil && slices.Equal(found.Keys, names) {
		return found.Value.(*userdv1.ResolvedOptions), nil
	}
	return n.resolve(ctx, k, slices.Clone(names))
}

func (n *Cache) resolve(ctx context.Context, k protocol.Key, names []string) (*userdv1.ResolvedOptions, error) {
	message, err := n.read(ctx, k, names, func(ctx context.Context, consistency *userdv1.Consistency) (answer, error) {
		got, err := n.client.Options.ResolveOptions(ctx, &userdv1.ResolveOptionsRequest{
			UserIds: []int64{k.User}, Keys: names, ProjectId: k.Project, OrganizationId: k.Organization, Certify: true, Consistency: consistency,
		})
		if err != nil {
			return answer{}, err
		}
		return answer{got.GetResults()[0], certificateOf(got.GetCertificate())}, nil
	})
	got, _ := message.(*userdv1.ResolvedOptions)
	return got, err
}

// User is GetUser. The full view, which has permissions, is kept with CachePermissions alone.
func (n *Cache) User(ctx context.Context, id int64, view userdv1.UserView) (*userdv1.User, error) {
	k := protocol.Key{Kind: userKind, User: id, Sub: int32(view)}
	if found := n.watch.Get(k); found != nil {
		return found.Value.(*userdv1.User), nil
	}
	return n.user(ctx, k, view)
}

func (n *Cache) user(ctx context.Context, k protocol.Key, view userdv1.UserView) (*userdv1.User, error) {
	message, err := n.read(ctx, k, nil, func(ctx context.Context, consistency *userdv1.Consistency) (answer, error) {
		certify := n.options.CachePermissions || view == userdv1.UserView_USER_VIEW_BASIC
		got, err := n.client.Users.GetUser(ctx, &userdv1.GetUserRequest{Id: k.User, View: view, Certify: certify, Consistency: consistency})
		return answer{got.GetUser(), certificateOf(got.GetCertificate())}, err
	})
	got, _ := message.(*userdv1.User)
	return got, err
}

// CheckOwner is CheckAccess to what belongs to a profile; kept with CachePermissions alone.
func (n *Cache) CheckOwner(ctx context.Context, userID, profileID int64, relation userdv1.AccessRelation) (*userdv1.CheckAccessResponse, error) {
	k := protocol.Key{Kind: ownerKind, User: userID, Project: profileID, Sub: int32(relation)}
	if found := n.watch.Get(k); found != nil {
		return found.Value.(*userdv1.CheckAccessResponse), nil
	}
	return n.check(ctx, k, &userdv1.CheckAccessRequest{Target: &userdv1.CheckAccessRequest_OwnerProfileId{OwnerProfileId: profileID}})
}

// CheckResource is CheckAccess to a registered resource; kept with CachePermissions alone.
func (n *Cache) CheckResource(ctx context.Context, userID, resourceID int64, relation userdv1.AccessRelation) (*userdv1.CheckAccessResponse, error) {
	k := protocol.Key{Kind: resourceKind, User: userID, Project: resourceID, Sub: int32(relation)}
	if found := n.watch.Get(k); found != nil {
		return found.Value.(*userdv1.CheckAccessResponse), nil
	}
	ref := &userdv1.ResourceRef{Ref: &userdv1.ResourceRef_Id{Id: resourceID}}
	return n.check(ctx, k, &userdv1.CheckAccessRequest{Target: &userdv1.CheckAccessRequest_Resource{Resource: ref}})
}

func (n *Cache) check(ctx context.Context, k protocol.Key, request *userdv1.CheckAccessRequest) (*userdv1.CheckAccessResponse, error) {
	request.UserId, request.Relation, request.Certify = k.User, userdv1.AccessRelation(k.Sub), n.options.CachePermissions
	message, err := n.read(ctx, k, nil, func(ctx context.Context, consistency *userdv1.Consistency) (answer, error) {
		asked := proto.CloneOf(request)
		asked.Consistency = consistency
		got, err := n.client.Profiles.CheckAccess(ctx, asked)
		return answer{got, certificateOf(got.GetCertificate())}, err
	})
	got, _ := message.(*userdv1.CheckAccessResponse)
	return got, err
}

// aggregateKinds are the kinds of aggregates that answers of these reads rest on.
var aggregateKinds = []string{"user", "organization", "project", "global", "roles", "account"}

// aggregatesOf returns the aggregates that a write has changed, by what it named; nil = unknown.
func aggregatesOf(named client.Named) []string {
	var aggregates []string
	hasProfile, hasAccount := false, false
	for name := range named {
		kind, id, _ := strings.Cut(name, ":")
		hasProfile, hasAccount = hasProfile || kind == "profile", hasAccount || kind == "account"
		if slices.Contains(aggregateKinds, kind) {
			aggregates = append(aggregates, kind+"/"+id)
		}
	}
	// A profile belongs to an account, which its id does not tell.
	if hasProfile && !hasAccount {
		return nil
	}
	return aggregates
}

func durationOf(time *timestamppb.Timestamp) time.Duration {
	return timeOf(time.GetSeconds(), int64(time.GetNanos()))
}

func timeOf(seconds, nanos int64) time.Duration {
	return time.Duration(seconds)*time.Second + time.Duration(nanos)
}

// certificateOf returns the certificate of an answer as the protocol has it; nil = the service is older than certificates.
func certificateOf(message *userdv1.Certificate) *protocol.Certificate {
	if message.GetTime() == nil {
		return nil
	}
	c := &protocol.Certificate{Time: durationOf(message.GetTime()), ValidUntil: protocol.Always, Epoch: message.GetEpoch(), Configuration: message.GetConfigurationRevision()}
	if message.GetValidUntil() != nil {
		c.ValidUntil = durationOf(message.GetValidUntil())
	}
	for _, one := range message.GetAggregates() {
		c.Aggregates = append(c.Aggregates, AggregateVersion{Aggregate: one.GetAggregate(), Version: one.GetVersion()})
	}
	return c
}

const (
	compareEvery = 10 * time.Second
	firstWait    = 50 * time.Millisecond
	longestWait  = 5 * time.Second
)

// watcher feeds a protocol from the change feed.
type watcher struct {
	*protocol.Protocol
	client    *client.Client
	interval  time.Duration
	silence   time.Duration
	onError   func(error)
	live      chan struct{}
	mu        sync.Mutex
	listeners []*func([]AggregateVersion)
}

func newWatcher(c *client.Client, options Options) *watcher {
	kinds := map[string]struct{}{}
	for _, kind := range aggregateKinds {
		kinds[kind] = struct{}{}
	}
	start := time.Now()
	interval := min(max(options.Bound/4, 100*time.Millisecond), 10*time.Second)
	return &watcher{
		client: c, interval: interval, silence: max(interval*5, 5*time.Second), onError: options.OnError, live: make(chan struct{}),
		Protocol: protocol.New(protocol.Options{
			Bound: options.Bound, ServerBound: options.ServerBound, LongestCall: options.LongestCall, MaxBytes: options.MaxBytes,
			AggregateKinds: kinds, Clock: func() time.Duration { return time.Since(start) },
		}),
	}
}

func (w *watcher) onChange(listener func([]AggregateVersion)) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	added := &listener
	w.listeners = append(slices.Clip(w.listeners), added)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.listeners = slices.DeleteFunc(slices.Clone(w.listeners), func(one *func([]AggregateVersion)) bool { return one == added })
	}
}

func (w *watcher) compare(ctx context.Context) error {
	sent := w.Clock()
	got, err := w.client.Changes.GetFeedPosition(ctx, &userdv1.GetFeedPositionRequest{})
	if err == nil {
		w.Calibrated(sent, w.Clock(), durationOf(got.GetTime()), got.GetEpoch())
	}
	return err
}

// isPositionLost tells whether an error says of a position that it leads nowhere any more.
func isPositionLost(err error) bool {
	switch client.ReasonOf(err) {
	case userdv1.ErrorReason_POSITION_INVALID, userdv1.ErrorReason_POSITION_EXPIRED, userdv1.ErrorReason_POSITION_OF_ANOTHER_EPOCH:
		return true
	}
	return false
}

var errSilent = errors.New("the feed was silent")

// stream reads one stream to its end.
func (w *watcher) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	position, _ := w.At()
	request := &userdv1.WatchChangesRequest{
		Filter:           &userdv1.ChangeFilter{AggregateKinds: aggregateKinds},
		BookmarkInterval: durationpb.New(w.interval),
		Start:            &userdv1.WatchChangesRequest_Now{Now: true},
	}
	if position == "" {
		w.Restarted()
	} else {
		request.Start = &userdv1.WatchChangesRequest_Position{Position: position}
	}
	if err := w.compare(ctx); err != nil {
		return err
	}
	watchdog := time.AfterFunc(w.silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	stream, err := w.client.Changes.WatchChanges(ctx, request)
	for isFirst := true; err == nil; isFirst = false {
		var message *userdv1.WatchChangesResponse
		if message, err = stream.Recv(); err != nil {
			break
		}
		watchdog.Reset(w.silence)
		if isFirst && position != "" {
			w.Resumed()
		}
		w.take(ctx, message)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// take passes on a message of the feed.
func (w *watcher) take(ctx context.Context, message *userdv1.WatchChangesResponse) {
	changes := make([]AggregateVersion, 0, len(message.GetChanges()))
	for _, change := range message.GetChanges() {
		changes = append(changes, AggregateVersion{Aggregate: change.GetAggregate(), Version: change.GetVersion()})
	}
	w.Changed(changes)
	if b := message.GetBookmark(); b != nil {
		w.Bookmarked(protocol.Bookmark{
			Position: b.GetPosition(), HasTime: b.GetTime() != nil, Time: durationOf(b.GetTime()),
			Epoch: b.GetEpoch(), Configuration: b.GetConfigurationRevision(),
		})
	}
	if _, needsTime := w.At(); needsTime {
		go w.report(w.compare(ctx))
	}
	select {
	case <-w.live:
	default:
		if w.Stats().IsLive {
			close(w.live)
		}
	}
	w.mu.Lock()
	listeners := w.listeners
	w.mu.Unlock()
	for _, listener := range listeners {
		if len(changes) > 0 {
			(*listener)(changes)
		}
	}
}

func (w *watcher) report(err error) {
	if err != nil {
		w.onError(err)
	}
}

// run feeds the protocol until the context ends: it opens the stream, resumes it when it breaks, and compares the clocks.
func (w *watcher) run(ctx context.Context) {
	go func() {
		ticker := time.NewTicker(compareEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := w.compare(ctx); ctx.Err() == nil {
					w.report(err)
				}
			}
		}
	}()
	for wait := firstWait; ctx.Err() == nil; {
		began := time.Now()
		err := w.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if isPositionLost(err) {
			w.Restarted()
		}
		w.report(err)
		wait = min(wait*2, longestWait)
		if time.Since(began) > longestWait {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
	}
}
