package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// Retries says how often and how patiently a failed call is sent again.
type Retries struct {
	// Most is the most attempts after the first one; 0 = none.
	Most uint
	// FirstWait is the wait before the first of them when the service names none; it doubles each time, and is spread at random.
	FirstWait time.Duration
	// LongestWait is the longest wait; a service that asks for more is not called again.
	LongestWait time.Duration
}

// DefaultRetries are the retries of calls, unless a client says otherwise.
var DefaultRetries = Retries{Most: 3, FirstWait: 50 * time.Millisecond, LongestWait: 5 * time.Second}

// withDeadline gives a call whose context has no deadline that of its method.
func withDeadline(deadlines Deadlines) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, path string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, has := ctx.Deadline(); !has {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, deadlines.of(methodOf(path)))
			defer cancel()
		}
		return typed(invoke(ctx, path, request, reply, conn, opts...))
	}
}

func field(message any, field protoreflect.FieldDescriptor) string {
	if reflected, ok := message.(proto.Message); ok && field != nil {
		return reflected.ProtoReflect().Get(field).String()
	}
	return ""
}

// newRequestID makes a UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// nameWrites gives each write that takes one a request_id, so that it can be sent again and is stored once.
func nameWrites(ctx context.Context, path string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	m := methodOf(path)
	if message, ok := request.(proto.Message); ok && !m.isRead && m.requestID != nil && field(request, m.requestID) == "" {
		named := proto.Clone(message)
		named.ProtoReflect().Set(m.requestID, protoreflect.ValueOfString(newRequestID()))
		request = named
	}
	return invoke(ctx, path, request, reply, conn, opts...)
}

// isOutcomeUnknown tells whether an error leaves open if the call was carried out: the service says so, or a proxy or the connection broke.
func isOutcomeUnknown(e *Error) bool {
	return e.Reason == userdv1.ErrorReason_COMMIT_UNKNOWN || e.ReasonName == "" && e.Code() == codes.Unavailable
}

// waitAfter returns the least wait before the same call is sent again, and whether it is, as docs/clients.md has it.
func waitAfter(e *Error, m *method, request any, longest time.Duration) (time.Duration, bool) {
	if isOutcomeUnknown(e) && !m.isRead && field(request, m.requestID) == "" {
		return 0, false
	}
	if e.CanRetry {
		return e.RetryAfter, e.RetryAfter <= longest
	}
	return 0, isOutcomeUnknown(e) || e.Reason == userdv1.ErrorReason_CONTENTION
}

// retry sends a call again where that is safe, no sooner than the service asked for, within the call's deadline.
func retry(retries Retries) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, path string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		m := methodOf(path)
		waits := backoff.NewExponentialBackOff()
		waits.InitialInterval, waits.MaxInterval, waits.Multiplier = retries.FirstWait, retries.LongestWait, 2
		attempt := func() (struct{}, error) {
			err := typed(invoke(ctx, path, request, reply, conn, opts...))
			var e *Error
			if err == nil || !errors.As(err, &e) {
				return struct{}{}, err
			}
			wait, again := waitAfter(e, m, request, retries.LongestWait)
			switch {
			case !again:
				return struct{}{}, backoff.Permanent(err)
			case wait > 0:
				return struct{}{}, &retryAfter{err, backoff.RetryAfterError{Duration: wait}}
			}
			return struct{}{}, err
		}
		_, err := backoff.Retry(ctx, attempt, backoff.WithBackOff(waits), backoff.WithMaxTries(retries.Most+1), backoff.WithMaxElapsedTime(0))
		var later *retryAfter
		if errors.As(err, &later) {
			return later.error
		}
		return err
	}
}

// retryAfter is an error together with the wait that it asks for, which the library finds by errors.As.
type retryAfter struct {
	error
	wait backoff.RetryAfterError
}

func (r *retryAfter) Unwrap() []error { return []error{r.error, &r.wait} }

// carryTokens lets reads see the writes of this client before them, on whatever instance. A read that names a user, an organization or
// anything else that a write of the last seconds named carries the write's token; of several such writes, it asks for the latest state. A
// read that says itself how fresh it has to be is left alone.
func carryTokens(remembered *writes, onWrite func(Named)) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, path string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		m := methodOf(path)
		if m.isRead {
			return invoke(ctx, path, withTokens(m, request, remembered), reply, conn, opts...)
		}
		err := invoke(ctx, path, request, reply, conn, opts...)
		if token := field(reply, m.token); err == nil && token != "" {
			named := namedIn(request, reply)
			remembered.remember(named, token)
			onWrite(named)
		}
		return err
	}
}

// withTokens returns the request of a read with the consistency that the writes before it ask for.
func withTokens(m *method, request any, remembered *writes) any {
	message, ok := request.(proto.Message)
	if !ok || m.consistency == nil {
		return request
	}
	stated, _ := message.ProtoReflect().Get(m.consistency).Message().Interface().(*userdv1.Consistency)
	if stated.GetMode() != nil {
		return request
	}
	tokens, isComplete := remembered.tokensFor(request)
	if isComplete && len(tokens) == 0 {
		return request
	}
	fresh := &userdv1.Consistency{MaxStale: stated.GetMaxStale(), Mode: &userdv1.Consistency_FullyConsistent{FullyConsistent: true}}
	if isComplete && len(tokens) == 1 {
		fresh.Mode = &userdv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: tokens[0]}
	}
	read := proto.Clone(message)
	read.ProtoReflect().Set(m.consistency, protoreflect.ValueOfMessage(fresh.ProtoReflect()))
	return read
}

// typedStream is a stream whose errors are *Errors.
type typedStream struct{ grpc.ClientStream }

func (s typedStream) RecvMsg(message any) error { return typed(s.ClientStream.RecvMsg(message)) }

func typeStreams(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, path string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, conn, path, opts...)
	if err != nil {
		return nil, typed(err)
	}
	return typedStream{stream}, nil
}
