package client

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	userdv1 "userd.dev/client/gen/userd/v1"
)

const domain = "userd.v1"

// Reason is the reason of an error, a value of the enum in the contract.
type Reason = userdv1.ErrorReason

// Field is a field of the request that the service refused, and why.
type Field struct{ Name, Description string }

// Error is an error of a call. Those of the service have a reason to decide by; those of a proxy, or of the connection, have none.
type Error struct {
	// Reason is ERROR_REASON_UNSPECIFIED when the error is not the service's own, or when its reason is newer than this client.
	Reason Reason
	// ReasonName is the reason as it came, for logs; empty when the error is not the service's own.
	ReasonName string
	// Info is what the reason says besides, such as the current "etag" of an ETAG_MISMATCH.
	Info map[string]string
	// Fields are the fields that were refused.
	Fields []Field
	// RetryAfter is the wait after which the same call makes sense, and whether the service says one.
	RetryAfter time.Duration
	CanRetry   bool
	status     *status.Status
}

// Error says the reason, or the code, and the message.
func (e *Error) Error() string {
	name := e.ReasonName
	if name == "" {
		name = e.status.Code().String()
	}
	return name + ": " + e.status.Message()
}

// GRPCStatus is the status that the service or the connection answered with; status.FromError and status.Code find it.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Code is the code of the status.
func (e *Error) Code() codes.Code { return e.status.Code() }

// Is tells context errors from others: errors.Is(err, context.DeadlineExceeded) holds for a deadline that passed.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code() == codes.DeadlineExceeded || target == context.Canceled && e.Code() == codes.Canceled
}

// ReasonOf returns the reason of an error; ERROR_REASON_UNSPECIFIED when it is not the service's.
func ReasonOf(err error) Reason {
	var typed *Error
	if errors.As(err, &typed) {
		return typed.Reason
	}
	return userdv1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// typed returns an error of a call as an *Error.
func typed(err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	found, ok := status.FromError(err)
	if !ok {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return err
		}
		found = status.FromContextError(err)
	}
	e := &Error{status: found}
	for _, detail := range found.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == domain {
				e.ReasonName = detail.GetReason()
				e.Reason = Reason(userdv1.ErrorReason_value[e.ReasonName])
				e.Info = detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				e.Fields = append(e.Fields, Field{violation.GetField(), violation.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryAfter, e.CanRetry = detail.GetRetryDelay().AsDuration(), true
		}
	}
	return e
}
