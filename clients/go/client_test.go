package client

import (
	"slices"
	"testing"
	"time"

	userdv1 "userd.dev/client/gen/userd/v1"
)

func keys(named Named) []string {
	var found []string
	for name := range named {
		found = append(found, name)
	}
	slices.Sort(found)
	return found
}

func TestMessagesNameThingsByTheirIds(t *testing.T) {
	email := "Ann@Example.com"
	for _, c := range []struct {
		message any
		want    []string
	}{
		{&userdv1.LookupUsersRequest{Keys: []*userdv1.UserKey{{Key: &userdv1.UserKey_Id{Id: 5}}}}, []string{"user:5"}},
		{&userdv1.LookupUsersRequest{Keys: []*userdv1.UserKey{{Key: &userdv1.UserKey_Email{Email: email}}}}, []string{"name:ann@example.com"}},
		{&userdv1.UpdateUserRequest{User: &userdv1.User{Id: 7, Email: &email}}, []string{"name:ann@example.com", "user:7"}},
		{&userdv1.ResolveOptionsRequest{UserIds: []int64{1, 2}, OrganizationId: 3}, []string{"organization:3", "user:1", "user:2"}},
	} {
		if got := keys(namedIn(c.message)); !slices.Equal(got, c.want) {
			t.Errorf("%v names %v, want %v", c.message, got, c.want)
		}
	}
}

func TestReadsCarryTheTokensOfWritesThatNamedTheSame(t *testing.T) {
	now := time.Now()
	remembered := newWrites(time.Second, func() time.Time { return now })
	asked := func(userID int64, stated *userdv1.Consistency) *userdv1.Consistency {
		request := &userdv1.GetOptionRequest{UserId: userID, Consistency: stated}
		m := methodOf("/userd.v1.UserOptionService/GetOption")
		return withTokens(m, request, remembered).(*userdv1.GetOptionRequest).GetConsistency()
	}
	if got := asked(1, nil); got != nil {
		t.Fatalf("without a write: %v", got)
	}
	remembered.remember(Named{"user:1": {}}, "a")
	if got := asked(2, nil); got != nil {
		t.Fatalf("of another user: %v", got)
	}
	if got := asked(1, nil).GetAtLeastAsFresh(); got != "a" {
		t.Fatalf("of the same user: %v", got)
	}
	own := &userdv1.Consistency{Mode: &userdv1.Consistency_MinimizeLatency{MinimizeLatency: true}}
	if got := asked(1, own); !got.GetMinimizeLatency() {
		t.Fatalf("that says itself what it needs: %v", got)
	}
	remembered.remember(Named{"user:1": {}, "organization:3": {}}, "b")
	if got := asked(1, nil).GetAtLeastAsFresh(); got != "b" {
		t.Fatalf("after a later write that stands for the earlier one: %v", got)
	}
	remembered.remember(Named{"user:1": {}}, "c")
	if got := asked(1, nil); !got.GetFullyConsistent() {
		t.Fatalf("after two writes of which none stands for the other: %v", got)
	}
	remembered.remember(Named{}, "of-all")
	if got := asked(2, nil).GetAtLeastAsFresh(); got != "of-all" {
		t.Fatalf("after a write that named nothing: %v", got)
	}
	now = now.Add(1001 * time.Millisecond)
	if got := asked(1, nil); got != nil {
		t.Fatalf("after the longest bound of a service: %v", got)
	}
}

func TestTheContractTellsReadsFromWrites(t *testing.T) {
	read, batch := methodOf("/userd.v1.UserService/GetUser"), methodOf("/userd.v1.UserOptionService/ApplyOptionChanges")
	if !read.isRead || read.consistency == nil || read.requestID != nil || batch.isRead || !batch.isBatch || batch.token == nil {
		t.Fatalf("GetUser %+v, ApplyOptionChanges %+v", read, batch)
	}
	if unknown := methodOf("/nowhere.Service/Method"); unknown.isRead {
		t.Fatal("an unknown method is taken for a read")
	}
}
