import type { Change } from "./set.ts";

/** A kind with secrets of all sorts, beside the tickets. */
const KEY = `message TicketKey {
  option (userd.v1.kind) = {
    scope: KIND_SCOPE_ORGANIZATION
    deletion: KIND_DELETION_SOFT
    keys: {name: "name" fields: ["organization_id", "name"]}
    read_permission: "tickets.read"
    write_permission: "tickets.write"
    reveal_permission: "tickets.reveal"
    verify_permission: "tickets.verify"
  };
  int64 id = 1 [(google.api.field_behavior) = IDENTIFIER, (buf.validate.field).int64.gte = 0];
  int64 organization_id = 2 [
    (google.api.field_behavior) = IMMUTABLE,
    (buf.validate.field).int64.gte = 0,
    (userd.v1.field).reference = {kind: "organization" parent: true deletion: KIND_REFERENCE_DELETION_CASCADE}
  ];
  optional string name = 3 [(buf.validate.field).string = {min_len: 1 max_len: 40 not_contains: "\\000"}, (userd.v1.field).required = true];
  optional string password = 4 [
    (google.api.field_behavior) = INPUT_ONLY,
    (buf.validate.field).string = {max_len: 1000},
    (userd.v1.field) = {secrecy: KIND_SECRECY_SEALED required: true}
  ];
  optional bytes certificate = 5 [
    (google.api.field_behavior) = INPUT_ONLY,
    (buf.validate.field).bytes = {max_len: 1000},
    (userd.v1.field) = {secrecy: KIND_SECRECY_SEALED nullable: true}
  ];
  optional string token = 6 [
    (google.api.field_behavior) = OUTPUT_ONLY,
    (userd.v1.field) = {
      secrecy: KIND_SECRECY_HASHED
      token: {prefix: "acme_" last_characters: "last_characters" last_used: "last_used_time" ends: "expire_time" active: "is_active"}
    }
  ];
  string last_characters = 7 [(google.api.field_behavior) = OUTPUT_ONLY, (buf.validate.field).string = {max_len: 16 not_contains: "\\000"}];
  google.protobuf.Timestamp last_used_time = 8 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp expire_time = 9;
  optional bool is_active = 10 [(userd.v1.field).default_true = true];
  google.protobuf.Timestamp create_time = 11 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp delete_time = 12 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp purge_time = 13 [(google.api.field_behavior) = OUTPUT_ONLY];
  string etag = 14 [(buf.validate.field).string.max_len = 64];
}

message TicketNote {`;

/** The change that adds the keys to the set of the tickets. */
export const withKeys: Change = ["message TicketNote {", KEY];
