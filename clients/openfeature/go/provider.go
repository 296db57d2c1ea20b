// Package openfeature is a provider for OpenFeature: a flag is an option of userd, resolved for the user whose id is the targeting key.
package openfeature

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache"
)

// Provider resolves flags through a near cache, which it does not close. The context has the id of the user as its targeting key, and may
// have those of a project and an organization as projectId and organizationId.
type Provider struct {
	near   *nearcache.Cache
	events chan of.Event
	stop   func()
}

var (
	_ of.FeatureProvider = (*Provider)(nil)
	_ of.StateHandler    = (*Provider)(nil)
	_ of.EventHandler    = (*Provider)(nil)
)

// New makes a provider over a near cache.
func New(near *nearcache.Cache) *Provider {
	return &Provider{near: near, events: make(chan of.Event, 16), stop: func() {}}
}

const (
	// startWithin is how long Init waits for the feed.
	startWithin = 10 * time.Second
	lookEvery   = 500 * time.Millisecond
)

// Metadata names the provider.
func (p *Provider) Metadata() of.Metadata { return of.Metadata{Name: "userd"} }

// Hooks are none.
func (p *Provider) Hooks() []of.Hook { return nil }

// EventChannel tells of changes, and of when the feed ceases and begins to vouch for answers.
func (p *Provider) EventChannel() <-chan of.Event { return p.events }

// emit tells of an event. Whoever does not listen gets the first ones of a burst, which says all that they say.
func (p *Provider) emit(kind of.EventType) {
	select {
	case p.events <- of.Event{ProviderName: "userd", EventType: kind}:
	default:
	}
}

// Init waits until the feed vouches for answers.
func (p *Provider) Init(of.EvaluationContext) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	if err := p.near.Live(ctx); err != nil {
		return fmt.Errorf("the change feed has not begun: %w", err)
	}
	stopChanges := p.near.OnChange(func([]nearcache.AggregateVersion) { p.emit(of.ProviderConfigChange) })
	done := make(chan struct{})
	go p.watch(done)
	p.stop = sync.OnceFunc(func() {
		stopChanges()
		close(done)
	})
	return nil
}

func (p *Provider) watch(done <-chan struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for isLive := true; ; {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		if current := p.near.Stats().IsLive; current != isLive {
			isLive = current
			if isLive {
				p.emit(of.ProviderReady)
			} else {
				p.emit(of.ProviderStale)
			}
		}
	}
}

// Shutdown ends the events.
func (p *Provider) Shutdown() { p.stop() }

// The reasons of values, by the level that they come from: those that depend on who asks are matches.
var reasons = map[userdv1.OptionSource]of.Reason{
	userdv1.OptionSource_OPTION_SOURCE_USER_PROJECT:      of.TargetingMatchReason,
	userdv1.OptionSource_OPTION_SOURCE_USER_ORGANIZATION: of.TargetingMatchReason,
	userdv1.OptionSource_OPTION_SOURCE_USER_GLOBAL:       of.TargetingMatchReason,
	userdv1.OptionSource_OPTION_SOURCE_PROJECT:           of.TargetingMatchReason,
	userdv1.OptionSource_OPTION_SOURCE_ORGANIZATION:      of.TargetingMatchReason,
	userdv1.OptionSource_OPTION_SOURCE_GLOBAL:            of.StaticReason,
	userdv1.OptionSource_OPTION_SOURCE_DEFINITION:        of.DefaultReason,
}

var errNoID = errors.New("has to be an id of userd, in digits")

// idOf returns an id of the context; 0 = the context has none.
func idOf(flat of.FlattenedContext, field string) (int64, error) {
	value, found := flat[field]
	if !found || value == nil {
		return 0, nil
	}
	id, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
	if err != nil || id < 0 {
		return 0, fmt.Errorf("%s %w", field, errNoID)
	}
	return id, nil
}

func failed(err of.ResolutionError) of.ProviderResolutionDetail {
	return of.ProviderResolutionDetail{ResolutionError: err, Reason: of.ErrorReason}
}

// resolve returns the value of a flag, or the default.
func resolve[T any](ctx context.Context, p *Provider, flag string, otherwise T, flat of.FlattenedContext, convert func(any) (T, bool)) (T, of.ProviderResolutionDetail) {
	userID, err := idOf(flat, of.TargetingKey)
	projectID, err2 := idOf(flat, "projectId")
	organizationID, err3 := idOf(flat, "organizationId")
	if err = errors.Join(err, err2, err3); err != nil {
		return otherwise, failed(of.NewInvalidContextResolutionError(err.Error()))
	}
	if userID == 0 {
		return otherwise, failed(of.NewTargetingKeyMissingResolutionError("the targeting key is the id of a user"))
	}
	answer, isCached, err := p.near.ResolveOrigin(ctx, userID, []string{flag}, nearcache.Scope{ProjectID: projectID, OrganizationID: organizationID})
	if err != nil {
		return otherwise, failed(of.NewGeneralResolutionError(err.Error()))
	}
	options := answer.GetOptions()
	if len(options) == 0 || !options[0].GetFound() {
		return otherwise, of.ProviderResolutionDetail{Reason: of.DefaultReason}
	}
	value, ok := convert(options[0].GetValue().AsInterface())
	if !ok {
		return otherwise, failed(of.NewTypeMismatchResolutionError("the value of " + flag + " is not of the type that was asked for"))
	}
	metadata := of.FlagMetadata{"source": options[0].GetSource().String(), "locked": options[0].GetLocked()}
	reason := reasons[options[0].GetSource()]
	if isCached {
		reason = of.CachedReason
	}
	return value, of.ProviderResolutionDetail{Reason: reason, FlagMetadata: metadata}
}

func is[T any](value any) (T, bool) {
	converted, ok := value.(T)
	return converted, ok
}

// BooleanEvaluation resolves a flag that is true or false.
func (p *Provider) BooleanEvaluation(ctx context.Context, flag string, otherwise bool, flat of.FlattenedContext) of.BoolResolutionDetail {
	value, detail := resolve(ctx, p, flag, otherwise, flat, is[bool])
	return of.BoolResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// StringEvaluation resolves a flag that is a text.
func (p *Provider) StringEvaluation(ctx context.Context, flag, otherwise string, flat of.FlattenedContext) of.StringResolutionDetail {
	value, detail := resolve(ctx, p, flag, otherwise, flat, is[string])
	return of.StringResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// FloatEvaluation resolves a flag that is a number.
func (p *Provider) FloatEvaluation(ctx context.Context, flag string, otherwise float64, flat of.FlattenedContext) of.FloatResolutionDetail {
	value, detail := resolve(ctx, p, flag, otherwise, flat, is[float64])
	return of.FloatResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// IntEvaluation resolves a flag that is a whole number.
func (p *Provider) IntEvaluation(ctx context.Context, flag string, otherwise int64, flat of.FlattenedContext) of.IntResolutionDetail {
	value, detail := resolve(ctx, p, flag, otherwise, flat, func(value any) (int64, bool) {
		number, ok := value.(float64)
		return int64(number), ok && number == float64(int64(number))
	})
	return of.IntResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// ObjectEvaluation resolves a flag of any JSON.
func (p *Provider) ObjectEvaluation(ctx context.Context, flag string, otherwise any, flat of.FlattenedContext) of.InterfaceResolutionDetail {
	value, detail := resolve(ctx, p, flag, otherwise, flat, is[any])
	return of.InterfaceResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}
