import { expect } from "vitest";
import { createOrganization } from "../../support/build.ts";
import { expectRefusal } from "../../support/errors.ts";
import { get, update } from "../asking.ts";
import { makerOf } from "../maker.ts";
import { kindsOf, testWith, ticketSetting } from "./service.ts";

/** Notes cite notes, also those of other tickets. */
const citation = `
message TicketCitation {
  option (userd.v1.kind) = {
    scope: KIND_SCOPE_PARENT
    deletion: KIND_DELETION_HARD
    read_permission: "tickets.read"
    write_permission: "tickets.write"
  };
  int64 id = 1 [(google.api.field_behavior) = IDENTIFIER, (buf.validate.field).int64.gte = 0];
  int64 organization_id = 2 [
    (google.api.field_behavior) = OUTPUT_ONLY,
    (userd.v1.field).reference = {kind: "organization" deletion: KIND_REFERENCE_DELETION_CASCADE}
  ];
  int64 ticket_id = 3 [
    (google.api.field_behavior) = IMMUTABLE,
    (buf.validate.field).int64.gte = 0,
    (userd.v1.field).reference = {kind: "ticket" parent: true deletion: KIND_REFERENCE_DELETION_CASCADE}
  ];
  optional int64 ticket_note_id = 4 [
    (buf.validate.field).int64.gt = 0,
    (userd.v1.field).reference = {kind: "ticket_note" deletion: KIND_REFERENCE_DELETION_SET_NULL}
  ];
  google.protobuf.Timestamp create_time = 5 [(google.api.field_behavior) = OUTPUT_ONLY];
  string etag = 6 [(buf.validate.field).string.max_len = 64];
}
`;
const NOTES_END = "  string etag = 6 [(buf.validate.field).string.max_len = 64];\n}\n";
const setting = ticketSetting([[NOTES_END, NOTES_END + citation]]);
const { kinds } = kindsOf(setting);
const test = testWith(setting);

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

test("what refers to something that goes with its parent loses the reference, and has another etag then", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(client);
  const notes = await makerOf(client, kindOf("ticket_note"), organizationId);
  const citations = await makerOf(client, kindOf("ticket_citation"), organizationId);
  const note = await notes.create();
  const cited = await citations.create({ ticketNoteId: note.id });
  const within = await citations.create({ ticketNoteId: note.id, ticketId: notes.parentId });
  const tickets = await makerOf(client, kindOf("ticket"), organizationId);
  await tickets.call("Purge", { id: notes.parentId });
  await expectRefusal(get(citations, within.id), "NotFound", "RESOURCE_NOT_FOUND");
  expect(await get(citations, cited.id)).toEqual({ ...cited, ticketNoteId: undefined, etag: "2" });
  await expectRefusal(update(citations, { id: cited.id, etag: cited.etag }), "Aborted", "ETAG_MISMATCH");
});
