package client

import (
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// method is what the contract says of an RPC.
type method struct {
	// isRead: a call changes nothing, and so may be sent again whatever became of it.
	isRead, isBatch bool
	// The fields of the request; nil where the contract has none.
	requestID, consistency protoreflect.FieldDescriptor
	// The field of the response; nil where the contract has none.
	token protoreflect.FieldDescriptor
}

// Deadlines are the deadlines of calls whose context has none, all their attempts together.
type Deadlines struct{ Read, Write, Batch time.Duration }

// DefaultDeadlines are three times what the service takes for one attempt.
var DefaultDeadlines = Deadlines{Read: 3 * time.Second, Write: 9 * time.Second, Batch: 30 * time.Second}

func (d Deadlines) of(m *method) time.Duration {
	switch {
	case m.isRead:
		return d.Read
	case m.isBatch:
		return d.Batch
	}
	return d.Write
}

var methods sync.Map

// methodOf returns what the contract says of the RPC with a path such as /userd.v1.UserService/GetUser. Nothing is known of one that no
// imported package declares: it is taken for a write.
func methodOf(path string) *method {
	if found, ok := methods.Load(path); ok {
		return found.(*method)
	}
	made := &method{}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."))
	if found, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err == nil {
		if descriptor, ok := found.(protoreflect.MethodDescriptor); ok {
			options := descriptor.Options().(*descriptorpb.MethodOptions)
			made.isRead = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
			made.isBatch = proto.GetExtension(options, userdv1.E_BatchWrite).(bool)
			made.requestID = descriptor.Input().Fields().ByName("request_id")
			made.consistency = descriptor.Input().Fields().ByName("consistency")
			made.token = descriptor.Output().Fields().ByName("consistency_token")
		}
	}
	methods.Store(path, made)
	return made
}
