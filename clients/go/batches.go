package client

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	userdv1 "userd.dev/client/gen/userd/v1"
)

const (
	// The most values of one call: under the service's limits, and far under its largest answer.
	maxReads = 500
	// The most keys of one BatchGetOptions.
	maxKeys = 100
	// The longest text that is given back as a default without asking the service if it can be a value.
	maxDefault = 1000
)

// batching is the rules by which calls of one RPC are asked together.
type batching struct {
	// common returns what all reads of a batch have in common; false = the read is asked by itself.
	common func(request any, sent metadata.MD) (string, bool)
	// divide divides reads that have all that in common into batches.
	divide func(reads []*read) []batch
}

// batch is reads that are asked by one call.
type batch struct {
	reads []*read
	// ask returns the functions that fill the replies, in the order of the reads; nil = that read has to be asked by itself, which tells the
	// service's own error.
	ask func(ctx context.Context, call call) ([]func(reply any), error)
}

// batchings are the RPCs whose calls can be asked together, by their paths.
var batchings = map[string]batching{
	userdv1.UserOptionService_GetOption_FullMethodName: {commonOfOption, divideOptions},
	userdv1.UserService_GetUser_FullMethodName:         {commonOfUser, inSlices(userBatch)},
	userdv1.ProfileService_CheckAccess_FullMethodName:  {commonOfCheck, inSlices(checkBatch)},
}

func inSlices(of func([]*read) batch) func([]*read) []batch {
	return func(reads []*read) []batch { return slicesOf(reads, maxReads, of) }
}

func slicesOf(reads []*read, size int, of func([]*read) batch) (batches []batch) {
	for part := range slices.Chunk(reads, size) {
		batches = append(batches, of(part))
	}
	return batches
}

// freshness says how fresh an answer has to be; false = it tells its age, which is each answer's own.
func freshness(asked *userdv1.Consistency) (string, bool) {
	if asked.GetMaxStale() != nil {
		return "", false
	}
	switch mode := asked.GetMode().(type) {
	case nil:
		return "", true
	case *userdv1.Consistency_AtLeastAsFresh:
		return "at least " + mode.AtLeastAsFresh, true
	default:
		return fmt.Sprintf("%T %v %v", mode, asked.GetFullyConsistent(), asked.GetMinimizeLatency()), true
	}
}

// isPlain tells whether a default can be a value for certain.
func isPlain(value *structpb.Value) bool {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_StringValue:
		text := kind.StringValue
		return len(text) <= maxDefault && utf8.ValidString(text) && !strings.Contains(text, "\x00")
	case *structpb.Value_NumberValue:
		return !math.IsNaN(kind.NumberValue) && !math.IsInf(kind.NumberValue, 0)
	case *structpb.Value_BoolValue, *structpb.Value_NullValue:
		return true
	}
	return false
}

func commonOfOption(request any, _ metadata.MD) (string, bool) {
	r := request.(*userdv1.GetOptionRequest)
	fresh, ok := freshness(r.GetConsistency())
	if !ok || r.GetCertify() || r.DefaultValue != nil && !isPlain(r.DefaultValue) {
		return "", false
	}
	return fmt.Sprintf("%d/%d/%s", r.GetProjectId(), r.GetOrganizationId(), fresh), true
}

func option(r *read) *userdv1.GetOptionRequest { return r.request.(*userdv1.GetOptionRequest) }

// divideBy divides reads by what they have in common, in the order of their first ones.
func divideBy[K comparable](reads []*read, of func(*read) K) [][]*read {
	places := map[K]int{}
	var parts [][]*read
	for _, r := range reads {
		place, known := places[of(r)]
		if !known {
			place = len(parts)
			places[of(r)] = place
			parts = append(parts, nil)
		}
		parts[place] = append(parts[place], r)
	}
	return parts
}

// divideOptions divides reads of options. A batch asks for each key of each user; it never asks for more than twice of what is wanted.
func divideOptions(reads []*read) (batches []batch) {
	byUser := divideBy(reads, func(r *read) int64 { return option(r).GetUserId() })
	byKey := divideBy(reads, func(r *read) string { return option(r).GetKey() })
	if len(byUser)*len(byKey) <= 2*len(reads) && len(byKey) <= maxKeys {
		return slicesOf(slices.Concat(byUser...), maxReads, optionBatch)
	}
	parts, size := byUser, maxKeys
	if len(byKey) <= len(byUser) {
		parts, size = byKey, maxReads
	}
	for _, part := range parts {
		batches = append(batches, slicesOf(part, size, optionBatch)...)
	}
	return batches
}

// distinct returns what reads ask for, each once.
func distinct[K comparable](reads []*read, of func(*read) K) []K {
	var found []K
	for _, part := range divideBy(reads, of) {
		found = append(found, of(part[0]))
	}
	return found
}

// giver gives each reader a message of its own, as single calls do.
func giver[M proto.Message]() func(M) M {
	given := map[proto.Message]bool{}
	return func(message M) M {
		if given[message] {
			return proto.CloneOf(message)
		}
		given[message] = true
		return message
	}
}

func optionBatch(reads []*read) batch {
	return batch{reads, func(ctx context.Context, call call) ([]func(any), error) {
		first := option(reads[0])
		request := &userdv1.BatchGetOptionsRequest{
			UserIds:        distinct(reads, func(r *read) int64 { return option(r).GetUserId() }),
			Keys:           distinct(reads, func(r *read) string { return option(r).GetKey() }),
			ProjectId:      first.GetProjectId(),
			OrganizationId: first.GetOrganizationId(),
			Consistency:    first.GetConsistency(),
		}
		reply := &userdv1.BatchGetOptionsResponse{}
		if err := call(ctx, userdv1.UserOptionService_BatchGetOptions_FullMethodName, request, reply); err != nil {
			return nil, err
		}
		found := map[int64]map[string]*userdv1.UserOption{}
		for _, result := range reply.GetResults() {
			if !result.GetUserFound() {
				continue
			}
			ofUser := map[string]*userdv1.UserOption{}
			for _, one := range result.GetOptions() {
				ofUser[one.GetKey()] = one
			}
			found[result.GetUserId()] = ofUser
		}
		give := giver[*userdv1.UserOption]()
		return fills(reads, func(r *read) func(any) {
			asked := option(r)
			ofUser, known := found[asked.GetUserId()]
			if !known {
				return nil
			}
			stored, isStored := ofUser[asked.GetKey()]
			if isStored {
				stored = give(stored)
			}
			return func(reply any) {
				answer := reply.(*userdv1.GetOptionResponse)
				if isStored {
					answer.Found, answer.Option, answer.Value = true, stored, stored.GetValue()
				} else if asked.DefaultValue != nil {
					answer.Value = proto.CloneOf(asked.DefaultValue)
				}
			}
		}), nil
	}}
}

func fills(reads []*read, of func(*read) func(any)) []func(any) {
	made := make([]func(any), len(reads))
	for i, r := range reads {
		made[i] = of(r)
	}
	return made
}

func commonOfUser(request any, sent metadata.MD) (string, bool) {
	r := request.(*userdv1.GetUserRequest)
	fresh, ok := freshness(r.GetConsistency())
	// A look-up on behalf of a user needs an administrator.
	if !ok || r.GetCertify() || len(sent.Get("x-acting-user-id")) > 0 || r.GetView() > userdv1.UserView_USER_VIEW_FULL {
		return "", false
	}
	return fmt.Sprintf("%d/%s", viewOf(r), fresh), true
}

// viewOf returns the view that GetUser has by default, which is not that of LookupUsers.
func viewOf(r *userdv1.GetUserRequest) userdv1.UserView {
	if r.GetView() == userdv1.UserView_USER_VIEW_UNSPECIFIED {
		return userdv1.UserView_USER_VIEW_FULL
	}
	return r.GetView()
}

func userBatch(reads []*read) batch {
	idOf := func(r *read) int64 { return r.request.(*userdv1.GetUserRequest).GetId() }
	return batch{reads, func(ctx context.Context, call call) ([]func(any), error) {
		first := reads[0].request.(*userdv1.GetUserRequest)
		ids := distinct(reads, idOf)
		request := &userdv1.LookupUsersRequest{View: viewOf(first), Consistency: first.GetConsistency()}
		for _, id := range ids {
			request.Keys = append(request.Keys, &userdv1.UserKey{Key: &userdv1.UserKey_Id{Id: id}})
		}
		reply := &userdv1.LookupUsersResponse{}
		if err := call(ctx, userdv1.UserService_LookupUsers_FullMethodName, request, reply); err != nil {
			return nil, err
		}
		found := map[int64]*userdv1.User{}
		for i, result := range reply.GetResults() {
			if result.GetStatus() == userdv1.LookupStatus_LOOKUP_STATUS_FOUND {
				found[ids[i]] = result.GetUser()
			}
		}
		give := giver[*userdv1.User]()
		return fills(reads, func(r *read) func(any) {
			user := found[idOf(r)]
			if user == nil {
				return nil
			}
			user = give(user)
			return func(reply any) { reply.(*userdv1.GetUserResponse).User = user }
		}), nil
	}}
}

func commonOfCheck(request any, _ metadata.MD) (string, bool) {
	r := request.(*userdv1.CheckAccessRequest)
	fresh, ok := freshness(r.GetConsistency())
	return fresh, ok && !r.GetCertify()
}

// checkOf returns a check as BatchCheckAccess has it.
func checkOf(r *userdv1.CheckAccessRequest) *userdv1.AccessCheck {
	check := &userdv1.AccessCheck{UserId: r.GetUserId(), Relation: r.GetRelation()}
	switch target := r.GetTarget().(type) {
	case *userdv1.CheckAccessRequest_OwnerProfileId:
		check.Target = &userdv1.AccessCheck_OwnerProfileId{OwnerProfileId: target.OwnerProfileId}
	case *userdv1.CheckAccessRequest_Resource:
		check.Target = &userdv1.AccessCheck_Resource{Resource: target.Resource}
	}
	return check
}

func checkBatch(reads []*read) batch {
	return batch{reads, func(ctx context.Context, call call) ([]func(any), error) {
		request := &userdv1.BatchCheckAccessRequest{Consistency: reads[0].request.(*userdv1.CheckAccessRequest).GetConsistency()}
		for _, r := range reads {
			request.Checks = append(request.Checks, checkOf(r.request.(*userdv1.CheckAccessRequest)))
		}
		reply := &userdv1.BatchCheckAccessResponse{}
		if err := call(ctx, userdv1.ProfileService_BatchCheckAccess_FullMethodName, request, reply); err != nil {
			return nil, err
		}
		results := reply.GetResults()
		if len(results) != len(reads) {
			return make([]func(any), len(reads)), nil
		}
		made := make([]func(any), len(reads))
		for i, result := range results {
			made[i] = func(reply any) {
				answer := reply.(*userdv1.CheckAccessResponse)
				answer.Allowed, answer.Rule = result.GetAllowed(), result.GetRule()
			}
		}
		return made, nil
	}}
}
