package client

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Named is what messages speak of, such as "user:42": by it a read is matched with the writes before it.
type Named map[string]struct{}

// The fields that name something, by the thing that they name.
var naming = map[protoreflect.Name]string{
	"user_id": "user", "user_ids": "user",
	"organization_id": "organization", "organization_ids": "organization",
	"project_id": "project", "project_ids": "project",
	"account_id": "account", "account_ids": "account",
	"profile_id": "profile", "profile_ids": "profile", "owner_profile_id": "profile",
	"username": "name", "email": "name",
}

// The things whose own id is called just that, in messages that have their name, such as GetUserRequest.
var things = regexp.MustCompile(`User|Organization|Project|Account|Profile`)

const maxDepth = 4

func (n Named) add(thing string, value protoreflect.Value) {
	switch id := value.Interface().(type) {
	case int64:
		if id != 0 {
			n[thing+":"+strconv.FormatInt(id, 10)] = struct{}{}
		}
	case string:
		if id != "" {
			n[thing+":"+strings.ToLower(id)] = struct{}{}
		}
	}
}

func (n Named) look(message protoreflect.Message, depth int) {
	name := string(message.Descriptor().Name())
	if name == "Value" || name == "Struct" {
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		thing := naming[field.Name()]
		if field.Name() == "id" {
			thing = strings.ToLower(things.FindString(name))
		}
		isMessage := field.Message() != nil
		switch {
		case field.IsMap() || isMessage && depth == 0:
		case field.IsList():
			for i := range value.List().Len() {
				if isMessage {
					n.look(value.List().Get(i).Message(), depth-1)
				} else if thing != "" {
					n.add(thing, value.List().Get(i))
				}
			}
		case isMessage:
			n.look(value.Message(), depth-1)
		case thing != "":
			n.add(thing, value)
		}
		return true
	})
}

// namedIn returns what messages name: users, organizations, projects, accounts and profiles by their ids, users also by their names.
func namedIn(messages ...any) Named {
	named := Named{}
	for _, message := range messages {
		if message, ok := message.(proto.Message); ok {
			named.look(message.ProtoReflect(), maxDepth)
		}
	}
	return named
}
