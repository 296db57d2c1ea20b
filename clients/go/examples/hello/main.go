// A first program on userd.dev/client: it creates a user or finds it, sets an option and reads it, and tells errors apart.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
)

const email = "hello@example.com"

// createOrFind returns the user, also when the program has run before.
func createOrFind(ctx context.Context, c *client.Client) (*userdv1.User, error) {
	user := &userdv1.User{Email: proto.String(email), Name: proto.String("Ann Example")}
	created, err := c.Users.CreateUser(ctx, &userdv1.CreateUserRequest{User: user})
	if client.ReasonOf(err) != userdv1.ErrorReason_USERNAME_TAKEN {
		return created.GetUser(), err
	}
	keys := []*userdv1.UserKey{{Key: &userdv1.UserKey_Email{Email: email}}}
	found, err := c.Users.LookupUsers(ctx, &userdv1.LookupUsersRequest{Keys: keys})
	if err != nil {
		return nil, err
	}
	return found.GetResults()[0].GetUser(), nil
}

func run(ctx context.Context, address string) error {
	c, err := client.Dial(address, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	user, err := createOrFind(ctx, c)
	if err != nil {
		return err
	}
	fmt.Println(user.GetName())

	value := structpb.NewStringValue("Europe/Vienna")
	if _, err = c.Options.SetOption(ctx, &userdv1.SetOptionRequest{UserId: user.GetId(), Key: "timezone", Value: value}); err != nil {
		return err
	}
	// The read carries the token of the write, and sees it on whatever instance.
	got, err := c.Options.GetOption(ctx, &userdv1.GetOptionRequest{UserId: user.GetId(), Key: "timezone"})
	if err != nil {
		return err
	}
	fmt.Println(got.GetValue().GetStringValue())

	_, err = c.Options.GetOption(ctx, &userdv1.GetOptionRequest{UserId: 1 << 60, Key: "timezone"})
	fmt.Println(client.ReasonOf(err) == userdv1.ErrorReason_USER_NOT_FOUND)
	return nil
}

func main() {
	address := os.Getenv("USERD_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	if err := run(context.Background(), address); err != nil {
		log.Fatal(err)
	}
}
