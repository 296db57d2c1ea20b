// The foreign client in Go: creates a user, sets and reads an option, and checks what errors say. It prints "ok" at the
// end; anything else on the way is a failure. Run by test/foreign/go.test.ts, as: client ADDRESS SUFFIX [health],
// where the port has the health service: the gRPC port. With USERD_CA it calls over TLS and trusts that file; USERD_CERT and
// USERD_KEY are the certificate that it shows.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	userdv1 "userd/gen/userd/v1"
)

func must[T any](value T, err error) T {
	if err != nil {
		fail("unexpected error: %v", err)
	}
	return value
}

func transport() credentials.TransportCredentials {
	ca, cert := os.Getenv("USERD_CA"), os.Getenv("USERD_CERT")
	if ca == "" {
		return insecure.NewCredentials()
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(must(os.ReadFile(ca)))
	if cert != "" {
		config.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(cert, os.Getenv("USERD_KEY")))}
	}
	return credentials.NewTLS(config)
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func expect(what string, got, want any) {
	if got != want {
		fail("%s: got %v, want %v", what, got, want)
	}
}

// refused returns what the error says besides its code: the ErrorInfo and the fields of the BadRequest.
func refused(err error, code codes.Code, reason string) (info *errdetails.ErrorInfo, fields []string) {
	expect("code", status.Code(err), code)
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
	}
	expect("reason", info.GetReason(), reason)
	expect("domain", info.GetDomain(), "userd.v1")
	return info, fields
}

func main() {
	address, suffix := os.Args[1], os.Args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	connection := must(grpc.NewClient(address, grpc.WithTransportCredentials(transport())))
	defer connection.Close()
	users := userdv1.NewUserServiceClient(connection)
	options := userdv1.NewUserOptionServiceClient(connection)

	if len(os.Args) > 3 {
		health := must(grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{}))
		expect("health", health.GetStatus(), grpc_health_v1.HealthCheckResponse_SERVING)
	}

	// Users.
	email := "go-" + suffix + "@example.com"
	created := must(users.CreateUser(ctx, &userdv1.CreateUserRequest{
		User: &userdv1.User{Email: proto.String(email), Name: proto.String("Gö Пример")},
	})).GetUser()
	expect("username", created.GetUsername(), email)
	updated := must(users.UpdateUser(ctx, &userdv1.UpdateUserRequest{
		User: &userdv1.User{Id: created.GetId(), Name: proto.String("")},
	})).GetUser()
	expect("a name set to empty", updated.GetName(), "")
	expect("the address is left alone", updated.GetEmail(), email)
	found := must(users.LookupUsers(ctx, &userdv1.LookupUsersRequest{Keys: []*userdv1.UserKey{
		{Key: &userdv1.UserKey_Email{Email: "GO-" + suffix + "@EXAMPLE.com"}},
		{Key: &userdv1.UserKey_Username{Username: "nobody-" + suffix}},
	}})).GetResults()
	expect("found", found[0].GetStatus(), userdv1.LookupStatus_LOOKUP_STATUS_FOUND)
	expect("its id", found[0].GetUser().GetId(), created.GetId())
	expect("not found", found[1].GetStatus(), userdv1.LookupStatus_LOOKUP_STATUS_NOT_FOUND)

	// Options.
	value := must(structpb.NewValue(map[string]any{"zone": "Europe/Vienna", "list": []any{1.5, nil, true}}))
	scope := int64(7)
	set := must(options.SetOption(ctx, &userdv1.SetOptionRequest{UserId: created.GetId(), Key: "go", Value: value, ProjectId: scope}))
	expect("created", set.GetCreated(), true)
	got := must(options.GetOption(ctx, &userdv1.GetOptionRequest{
		UserId: created.GetId(), Key: "go", ProjectId: scope,
		Consistency: &userdv1.Consistency{Mode: &userdv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: set.GetConsistencyToken()}},
	}))
	expect("found", got.GetFound(), true)
	expect("the value", proto.Equal(got.GetValue(), value), true)
	null := must(options.SetOption(ctx, &userdv1.SetOptionRequest{UserId: created.GetId(), Key: "null", Value: structpb.NewNullValue()}))
	expect("null is a value", null.GetCreated(), true)
	missing := must(options.GetOption(ctx, &userdv1.GetOptionRequest{
		UserId: created.GetId(), Key: "go", DefaultValue: structpb.NewNumberValue(5),
	}))
	expect("another scope", missing.GetFound(), false)
	expect("the default", missing.GetValue().GetNumberValue(), 5.0)

	// Errors.
	_, err := options.GetOption(ctx, &userdv1.GetOptionRequest{UserId: 1 << 60, Key: "go"})
	refused(err, codes.NotFound, "USER_NOT_FOUND")
	_, err = options.DeleteOption(ctx, &userdv1.DeleteOptionRequest{UserId: created.GetId(), Key: "absent"})
	refused(err, codes.NotFound, "OPTION_NOT_FOUND")
	_, err = options.GetOption(ctx, &userdv1.GetOptionRequest{UserId: created.GetId(), Key: "go", ProjectId: 1, OrganizationId: 1})
	refused(err, codes.InvalidArgument, "OPTION_SCOPE_CONFLICT")
	_, err = options.GetOption(ctx, &userdv1.GetOptionRequest{UserId: created.GetId(), Key: "a b"})
	_, fields := refused(err, codes.InvalidArgument, "FIELD_INVALID")
	expect("the field", fmt.Sprint(fields), "[key]")
	_, err = options.SetOption(ctx, &userdv1.SetOptionRequest{
		UserId: created.GetId(), Key: "go", ProjectId: scope, Value: value, Etag: "0.0",
	})
	info, _ := refused(err, codes.Aborted, "ETAG_MISMATCH")
	expect("the current etag", info.GetMetadata()["etag"], set.GetOption().GetEtag())
	_, err = users.CreateUser(ctx, &userdv1.CreateUserRequest{User: &userdv1.User{Username: proto.String(email)}})
	refused(err, codes.AlreadyExists, "USERNAME_TAKEN")

	// What is answered before the request has ended, or without an operation.
	large := must(structpb.NewValue(strings.Repeat("x", 1_100_000)))
	_, err = options.SetOption(ctx, &userdv1.SetOptionRequest{UserId: created.GetId(), Key: "large", Value: large})
	refused(err, codes.ResourceExhausted, "REQUEST_TOO_LARGE")
	request := &userdv1.GetOptionRequest{UserId: created.GetId(), Key: "go"}
	err = connection.Invoke(ctx, "/userd.v1.UserOptionService/Nope", request, &userdv1.GetOptionResponse{})
	expect("an unknown method", status.Code(err), codes.Unimplemented)
	err = connection.Invoke(ctx, "/userd.v1.Nope/GetOption", request, &userdv1.GetOptionResponse{})
	expect("an unknown service", status.Code(err), codes.Unimplemented)

	// A deadline that has passed.
	short, stop := context.WithTimeout(ctx, time.Nanosecond)
	defer stop()
	_, err = users.GetUser(short, &userdv1.GetUserRequest{Id: created.GetId()})
	expect("deadline", status.Code(err), codes.DeadlineExceeded)

	fmt.Println("ok")
}
