// A first client of userd: creates a user, sets and reads an option, tells errors apart by their reason, and streams users.
// docs/clients.md says how it is generated and run.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	userdv1 "hello/gen/userd/v1"
)

const email = "hello@example.com"
const attempts = 3

// detailOf returns the detail of an error that has the type T, if there is one.
func detailOf[T any](err error) (detail T, found bool) {
	for _, any := range status.Convert(err).Details() {
		if detail, found = any.(T); found {
			return detail, true
		}
	}
	return detail, false
}

// reasonOf returns what to decide by; empty when the error is not userd's.
func reasonOf(err error) string {
	info, _ := detailOf[*errdetails.ErrorInfo](err)
	return info.GetReason()
}

// call runs one RPC with a deadline, and again when the error says after which time that makes sense.
func call[Q, A any](rpc func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		answer, err := rpc(ctx, request)
		cancel()
		retry, found := detailOf[*errdetails.RetryInfo](err)
		if !found || attempt == attempts {
			return answer, err
		}
		time.Sleep(retry.GetRetryDelay().AsDuration())
	}
}

// newRequestID makes a UUID: a retry with the same one is stored once.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// createOrFind returns the user, also when the program has run before.
func createOrFind(users userdv1.UserServiceClient) (*userdv1.User, error) {
	created, err := call(users.CreateUser, &userdv1.CreateUserRequest{
		User:      &userdv1.User{Email: proto.String(email), Name: proto.String("Ann Example")},
		RequestId: newRequestID(),
	})
	if reasonOf(err) != "USERNAME_TAKEN" {
		return created.GetUser(), err
	}
	found, err := call(users.LookupUsers, &userdv1.LookupUsersRequest{
		Keys: []*userdv1.UserKey{{Key: &userdv1.UserKey_Email{Email: email}}},
	})
	if err != nil {
		return nil, err
	}
	return found.GetResults()[0].GetUser(), nil
}

func run(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	users := userdv1.NewUserServiceClient(connection)
	options := userdv1.NewUserOptionServiceClient(connection)

	user, err := createOrFind(users)
	if err != nil {
		return err
	}
	fmt.Println(user.GetName())

	set, err := call(options.SetOption, &userdv1.SetOptionRequest{
		UserId: user.GetId(), Key: "timezone", Value: structpb.NewStringValue("Europe/Vienna"),
	})
	if err != nil {
		return err
	}
	// With the token the read sees the write, whatever instance answers it.
	got, err := call(options.GetOption, &userdv1.GetOptionRequest{
		UserId: user.GetId(), Key: "timezone",
		Consistency: &userdv1.Consistency{Mode: &userdv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: set.GetConsistencyToken()}},
	})
	if err != nil {
		return err
	}
	fmt.Println(got.GetValue().GetStringValue())

	_, err = call(options.GetOption, &userdv1.GetOptionRequest{UserId: 1 << 60, Key: "timezone"})
	fmt.Println(reasonOf(err))

	// A stream has no deadline; cancelling its context ends it.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := users.StreamUsers(ctx, &userdv1.StreamUsersRequest{Filter: &userdv1.UserFilter{Emails: []string{email}}})
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(response.GetUser().GetUsername())
	}
}

func main() {
	address := os.Getenv("USERD_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}
