package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// dial opens a client of the service at the address that a variable names; without it the test is skipped.
func dial(t *testing.T, variable string, options Options) *Client {
	address := os.Getenv(variable)
	if address == "" {
		t.Skipf("%s is not set: test/clients/tools runs this test on a service", variable)
	}
	c, err := Dial(address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// must returns an answer, and ends the test with an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func createUser(t *testing.T, c *Client) int64 {
	t.Helper()
	email := fmt.Sprintf("go-%d@example.com", time.Now().UnixNano())
	request := &userdv1.CreateUserRequest{User: &userdv1.User{Email: &email}}
	return must[*userdv1.CreateUserResponse](t)(c.Users.CreateUser(t.Context(), request)).GetUser().GetId()
}

func TestErrorsHaveTheirReason(t *testing.T) {
	c := dial(t, "USERD_ADDRESS", Options{})
	_, err := c.Options.GetOption(t.Context(), &userdv1.GetOptionRequest{UserId: 1 << 60, Key: "a"})
	if ReasonOf(err) != userdv1.ErrorReason_USER_NOT_FOUND || status.Code(err) != codes.NotFound {
		t.Fatalf("an unknown user: %v", err)
	}
	_, err = c.Options.GetOption(t.Context(), &userdv1.GetOptionRequest{UserId: 1, Key: "a b"})
	var typed *Error
	if !errors.As(err, &typed) || typed.Reason != userdv1.ErrorReason_FIELD_INVALID || typed.Fields[0].Name != "key" {
		t.Fatalf("an invalid key: %v", err)
	}
	stream := must[userdv1.UserService_StreamUsersClient](t)(c.Users.StreamUsers(t.Context(), &userdv1.StreamUsersRequest{AfterId: -1}))
	if _, err = stream.Recv(); ReasonOf(err) != userdv1.ErrorReason_FIELD_INVALID {
		t.Fatalf("of a stream: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err = c.Users.GetUser(short, &userdv1.GetUserRequest{Id: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("of a deadline that has passed: %v", err)
	}
	nobody := must[*Client](t)(Dial("127.0.0.1:1", Options{Retries: &Retries{}}))
	defer nobody.Close()
	_, err = nobody.Users.GetUser(t.Context(), &userdv1.GetUserRequest{Id: 1})
	if !errors.As(err, &typed) || typed.ReasonName != "" || typed.Code() != codes.Unavailable {
		t.Fatalf("of nobody: %v", err)
	}
}

// The proxy refuses the first call of each RPC, as an overloaded service does, and measures when the call comes again.
func TestARefusedCallComesAgain(t *testing.T) {
	c := dial(t, "USERD_REFUSING_ADDRESS", Options{})
	once := dial(t, "USERD_REFUSING_ADDRESS", Options{Retries: &Retries{Most: 0}})
	if _, err := once.Users.GetUser(t.Context(), &userdv1.GetUserRequest{Id: 1}); ReasonOf(err) != userdv1.ErrorReason_OVERLOADED {
		t.Fatalf("without retries: %v", err)
	}
	userID := createUser(t, c)
	set := &userdv1.SetOptionRequest{UserId: userID, Key: "go.x", Value: structpb.NewStringValue("x")}
	must[*userdv1.SetOptionResponse](t)(c.Options.SetOption(t.Context(), set))
	got := must[*userdv1.GetOptionResponse](t)(c.Options.GetOption(t.Context(), &userdv1.GetOptionRequest{UserId: userID, Key: "go.x"}))
	if got.GetValue().GetStringValue() != "x" {
		t.Fatalf("got %v", got)
	}
}

func TestAClientSeesItsOwnWrites(t *testing.T) {
	c := dial(t, "USERD_ADDRESS", Options{})
	heard := 0
	stop := c.OnWrite(func(Named) { heard++ })
	userID := createUser(t, c)
	for _, value := range []string{"a", "b"} {
		set := &userdv1.SetOptionRequest{UserId: userID, Key: "go.x", Value: structpb.NewStringValue(value)}
		must[*userdv1.SetOptionResponse](t)(c.Options.SetOption(t.Context(), set))
		got := must[*userdv1.GetOptionResponse](t)(c.Options.GetOption(t.Context(), &userdv1.GetOptionRequest{UserId: userID, Key: "go.x"}))
		if got.GetValue().GetStringValue() != value {
			t.Fatalf("wrote %s, got %v", value, got)
		}
	}
	stop()
	must[*userdv1.DeleteOptionResponse](t)(c.Options.DeleteOption(t.Context(), &userdv1.DeleteOptionRequest{UserId: userID, Key: "go.x"}))
	if heard != 3 {
		t.Fatalf("heard of %d writes", heard)
	}
}

// said is what a call said: its answer, or what a program sees of its error.
func said(answer proto.Message, err error) string {
	var e *Error
	if errors.As(err, &e) {
		return fmt.Sprint(e.Code(), e.ReasonName, e.status.Message(), e.Fields)
	}
	text, _ := protojson.Marshal(answer)
	return string(slices.DeleteFunc(text, func(b byte) bool { return b == ' ' }))
}

func TestReadsThatAreAskedTogetherAnswerWhatEachSaysByItself(t *testing.T) {
	alone := dial(t, "USERD_ADDRESS", Options{})
	together := dial(t, "USERD_ADDRESS", Options{Coalesce: 20 * time.Millisecond})
	users := []int64{createUser(t, alone), createUser(t, alone), 1 << 60}
	for i, value := range []*structpb.Value{structpb.NewNullValue(), structpb.NewStringValue("x")} {
		set := &userdv1.SetOptionRequest{UserId: users[i], Key: "go.x", Value: value}
		must[*userdv1.SetOptionResponse](t)(alone.Options.SetOption(t.Context(), set))
	}
	compare := func(calls []func(*Client) string) {
		got := make([]string, len(calls))
		var all sync.WaitGroup
		for i, call := range calls {
			all.Go(func() { got[i] = call(together) })
		}
		all.Wait()
		for i, call := range calls {
			if want := call(alone); got[i] != want {
				t.Errorf("call %d says %s, want %s", i, got[i], want)
			}
		}
	}
	compare(reads(t, users, "go.x", "go.y"))
	// What is refused leaves the others their answers.
	compare(reads(t, append(users, 0), "go.x", "no key"))
}

// reads are reads of users and their options, which say what came of them.
func reads(t *testing.T, users []int64, keys ...string) (calls []func(*Client) string) {
	for _, user := range users {
		for _, key := range keys {
			for _, otherwise := range []*structpb.Value{nil, structpb.NewNumberValue(7), structpb.NewStringValue("a\x00b")} {
				request := &userdv1.GetOptionRequest{UserId: user, Key: key, DefaultValue: otherwise}
				calls = append(calls, func(c *Client) string { return said(c.Options.GetOption(t.Context(), request)) })
			}
		}
		for _, view := range []userdv1.UserView{0, 1, 2} {
			request := &userdv1.GetUserRequest{Id: user, View: view}
			calls = append(calls, func(c *Client) string { return said(c.Users.GetUser(t.Context(), request)) })
		}
		check := &userdv1.CheckAccessRequest{UserId: user, Target: &userdv1.CheckAccessRequest_OwnerProfileId{OwnerProfileId: 1}}
		calls = append(calls, func(c *Client) string { return said(c.Profiles.CheckAccess(t.Context(), check)) })
	}
	return calls
}
