package openfeature

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/protobuf/types/known/structpb"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func TestAProgramThatKnowsOpenFeatureAloneSeesOptionsAsFlags(t *testing.T) {
	address := os.Getenv("USERD_ADDRESS")
	if address == "" {
		t.Skip("USERD_ADDRESS is not set: test/clients/tools runs this test on a service")
	}
	writer := must[*client.Client](t)(client.Dial(address, client.Options{}))
	defer writer.Close()
	email := fmt.Sprintf("of-%d@example.com", time.Now().UnixNano())
	created := must[*userdv1.CreateUserResponse](t)(writer.Users.CreateUser(t.Context(), &userdv1.CreateUserRequest{User: &userdv1.User{Email: &email}}))
	user := strconv.FormatInt(created.GetUser().GetId(), 10)
	const flag = "flags.go"

	// The set-up, five lines without its errors.
	c := must[*client.Client](t)(client.Dial(address, client.Options{}))
	near := nearcache.Open(c, nearcache.Options{})
	if err := of.SetProviderAndWait(New(near)); err != nil {
		t.Fatal(err)
	}
	flags := of.NewClient("test")
	ann := of.NewEvaluationContext(user, map[string]any{"projectId": 7})

	defer c.Close()
	defer near.Close()
	defer of.Shutdown()
	changed := make(chan struct{}, 100)
	onChange := func(of.EventDetails) { changed <- struct{}{} }
	flags.AddHandler(of.ProviderConfigChange, &onChange)
	details := func() of.BooleanEvaluationDetails {
		got, _ := flags.BooleanValueDetails(t.Context(), flag, false, ann)
		return got
	}
	if got := details(); got.Value || got.Reason != of.DefaultReason {
		t.Fatalf("without a value: %+v", got)
	}
	// Asked until it comes from memory: from then on no evaluation makes a call.
	for deadline := time.Now().Add(10 * time.Second); near.Stats().Hits == 0; details() {
		if time.Now().After(deadline) {
			t.Fatal("the flag is not kept")
		}
	}
	calls := near.Stats().Misses
	target := &userdv1.SetScopeOptionRequest_GlobalScope{GlobalScope: &userdv1.GlobalTarget{}}
	set := &userdv1.SetScopeOptionRequest{Target: target, Key: flag, Value: structpb.NewBoolValue(true)}
	must[*userdv1.SetScopeOptionResponse](t)(writer.Options.SetScopeOption(t.Context(), set))
	// The bound is two seconds.
	select {
	case <-changed:
	case <-time.After(2500 * time.Millisecond):
		t.Fatal("the change did not arrive within the bound")
	}
	if now := near.Stats().Misses; now != calls {
		t.Fatalf("%d calls before the change arrived", now-calls)
	}
	reasons := map[of.Reason]bool{}
	for deadline := time.Now().Add(10 * time.Second); !(reasons[of.StaticReason] && reasons[of.CachedReason]); time.Sleep(5 * time.Millisecond) {
		got := details()
		if got.Value {
			reasons[got.Reason] = true
		}
		if time.Now().After(deadline) {
			t.Fatalf("the changed default is %+v, of reasons %v", got, reasons)
		}
	}
	if got, err := flags.StringValueDetails(t.Context(), flag, "", ann); err == nil || got.ErrorCode != of.TypeMismatchCode {
		t.Fatalf("of another type: %+v", got)
	}
	if got, _ := flags.BooleanValueDetails(t.Context(), flag, false, of.EvaluationContext{}); got.ErrorCode != of.TargetingKeyMissingCode {
		t.Fatalf("without a user: %+v", got)
	}
}
