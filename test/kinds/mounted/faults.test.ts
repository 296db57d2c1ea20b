import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "../../../src/config.ts";
import { kindsOf } from "./service.ts";
import { type Change, ticketSet } from "./set.ts";

const folder = mkdtempSync(join(tmpdir(), "userd-faults-"));
const PATH = ticketSet();

const fileWith = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

/** Writes the set of the tickets with only the files for whose paths `isKept` returns true. */
const filtered = (name: string, isKept: (path: string) => boolean): string => {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(PATH));
  return fileWith(
    name,
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: file.filter(({ name: path }) => isKept(path)) })),
  );
};

/** The lines of the error that the kinds of a setting end the start with. */
const faultsOf = (setting: string): readonly string[] => {
  try {
    kindsOf(setting);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
};

const changed = (changes: readonly Change[]): string => ticketSet(changes);
const FILE = "acme/tickets/v1/ticket.proto";

const cases: readonly (readonly [what: string, path: () => string, faults: (path: string) => readonly string[]])[] = [
  ["a file that is not there", () => join(folder, "nothing.binpb"), (path) => [`KINDS ${path} can't be read (ENOENT)`]],
  ["a glob without files", () => join(folder, "no*.binpb"), (path) => [`KINDS ${path} names no file`]],
  [
    "what is no descriptor set",
    () => fileWith("text.binpb", Buffer.from('syntax = "proto3";')),
    (path) => [`KINDS ${path} is no descriptor set: make one with \`buf build -o x.binpb\``],
  ],
  [
    "a set without a family",
    () => filtered("bare.binpb", (path) => path !== FILE),
    (path) => [`KINDS ${path} has no family: no file of it has the option (userd.v1.family)`],
  ],
  [
    "a file without the option of a family",
    () => changed([['option (userd.v1.family) = {service: "TicketService"};', ""]]),
    (path) => [
      `KINDS ${path} has no family: no file of it has the option (userd.v1.family)`,
      `KINDS ${path}: ${FILE}: Ticket is in a file that has no (userd.v1.family).service`,
      `KINDS ${path}: ${FILE}: TicketNote is in a file that has no (userd.v1.family).service`,
    ],
  ],
  [
    "a package of userd",
    () => changed([["package acme.tickets.v1;", "package userd.tickets.v1;"]]),
    (path) => [`KINDS ${path} ${FILE} is of the package userd.tickets.v1, which only userd has`],
  ],
  [
    "a service of userd",
    () => changed([["TicketService", "ReleaseService"]]),
    (path) => [`KINDS ${path}: ${FILE}: has the service ReleaseService, whose name is taken`],
  ],
  [
    "faults of kinds, all at once",
    () =>
      changed([
        ["tickets.read", "Tickets"],
        ["message TicketNote {", "message GetTicketRequest {}\n\nenum TicketNumberKey {\n  ZERO = 0;\n}\n\nmessage Release {"],
        ['fields: ["organization_id", "number"]', 'fields: ["organization_id", "nothing"]'],
      ]),
    (path) => [
      `KINDS ${path}: ${FILE}: Ticket has the permission "Tickets", whose name is not like tickets.read`,
      `KINDS ${path}: ${FILE}: Ticket has the key "number" on "nothing", which is no field with a column`,
      `KINDS ${path}: ${FILE}: Release has a name that is taken: "release"`,
      `KINDS ${path}: ${FILE}: acme.tickets.v1.TicketNumberKey is a message of its service: userd makes it`,
      `KINDS ${path}: ${FILE}: acme.tickets.v1.GetTicketRequest is a message of its service: userd makes it`,
    ],
  ],
  [
    "a permission with another form",
    () => changed([["tickets.read", "Tickets"]]),
    (path) => [`KINDS ${path}: ${FILE}: Ticket has the permission "Tickets", whose name is not like tickets.read`],
  ],
  [
    "a name of a request as a message",
    () => changed([["message TicketNote {", "message GetTicketRequest {}\n\nmessage TicketNote {"]]),
    (path) => [`KINDS ${path}: ${FILE}: acme.tickets.v1.GetTicketRequest is a message of its service: userd makes it`],
  ],
  [
    "a name of a request as a message, and the kind has no parent",
    () =>
      changed([
        ["parent: true ", ""],
        ["message TicketNote {", "message ListTicketsResponse {}\n\nmessage TicketNote {"],
      ]),
    (path) => [
      `KINDS ${path}: ${FILE}: Ticket.organization_id can be written and is not "optional": an update could not tell its default from its absence`,
      `KINDS ${path}: ${FILE}: Ticket has the key "number" that does not begin with the parent`,
      `KINDS ${path}: ${FILE}: Ticket has an index that does not begin with the parent`,
      `KINDS ${path}: ${FILE}: Ticket has no parent`,
      `KINDS ${path}: ${FILE}: acme.tickets.v1.ListTicketsResponse is a message of its service: userd makes it`,
    ],
  ],
  [
    "names that PostgreSQL would cut",
    () => changed([["due_time = 6", `${"x".repeat(60)} = 6`]]),
    (path) => [`KINDS ${path}: ${FILE}: Ticket.${"x".repeat(60)} has a name that is too long: 63 characters with the kind's`],
  ],
];

describe("the start ends with a sentence and the path for", () => {
  test.for(cases)("%s", ([, path, faults]) => {
    const set = path();
    expect(faultsOf(`builtin,${set}`)).toEqual(faults(set));
  });
});

test("a set lacks an import when it was made without", () => {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(PATH));
  const ticket = file.find(({ name }) => name === FILE);
  if (ticket === undefined) throw new Error("The set has no tickets.");
  ticket.dependency.push("acme/people.proto");
  const path = fileWith("alone.binpb", toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [ticket] })));
  expect(faultsOf(path)).toEqual([`KINDS ${path} ${FILE} imports acme/people.proto, which the set does not have before it`]);
});

test("a set without what userd has is enough, and two sets with one service are too many", () => {
  const path = filtered("lean.binpb", (one) => one === FILE);
  expect(faultsOf(path)).toEqual([]);
  expect(faultsOf(`${path},${PATH}`)).toContain(`KINDS ${PATH}: ${FILE}: has the service TicketService, whose name is taken`);
});

test.for(["", ","])("KINDS=builtin,%s is refused", (rest) => {
  expect(() => loadConfig({ KINDS: `builtin,${rest}` }, {})).toThrow(/KINDS must be none, or builtin and paths/);
});
