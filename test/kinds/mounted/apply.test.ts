import { sql } from "kysely";
import pg from "pg";
import { describe, expect } from "vitest";
import { startApp } from "../../../src/app.ts";
import type { Kind } from "../../../src/contract/kinds/kind.ts";
import { migrate } from "../../../src/db/migrate.ts";
import { openDatabase } from "../../../src/db/orm.ts";
import { applyKinds, planKinds } from "../../../src/kinds/mounted/apply.ts";
import { createOrganization } from "../../support/build.ts";
import { createClients } from "../../support/clients.ts";
import { cloneDatabase, silent, test } from "../../support/database.ts";
import { testConfig } from "../../support/service.ts";
import { startUserd } from "../../support/userd.ts";
import { makerOf } from "../maker.ts";
import { apply, KINDS, kindsOf, openWith, ticketSetting } from "./service.ts";
import type { Change } from "./set.ts";

/** What a newer set has: a value, a wider text, a field, an index, and a kind. */
const newer: readonly Change[] = [
  ["TICKET_PRIORITY_URGENT = 2;", "TICKET_PRIORITY_URGENT = 2;\n  TICKET_PRIORITY_LOW = 3;"],
  ["max_len: 40 ", "max_len: 80 "],
  ['read_permission: "tickets.read"', 'read_permission: "tickets.see"'],
  ["  google.protobuf.Timestamp create_time = 9", "  optional int64 votes = 20;\n  google.protobuf.Timestamp create_time = 9"],
  ["    indexes: {", '    indexes: {fields: ["organization_id", "priority"]}\n    indexes: {'],
];

const NEWER = ticketSetting(newer);

/** Starts the service over a database, and makes its clients. */
const serve = async (url: string, setting: string) => {
  const app = await startApp(testConfig(url, { KINDS: setting }), silent, { migrate: true });
  const { byKind, close } = createClients(app, undefined, kindsOf(setting));
  const dispose = async () => {
    close();
    await app[Symbol.asyncDispose]();
  };
  return { clients: byKind["grpc-js"], app, [Symbol.asyncDispose]: dispose };
};

const kindOf = (setting: string, name: string) => kindsOf(setting).kinds.filter((kind) => kind.name === name);

const createTicket = async (url: string, setting: string) => {
  await using service = await serve(url, setting);
  for (const kind of kindOf(setting, "ticket")) await (await makerOf(service.clients, kind)).create();
};

test("a set that is not applied ends the start with the command to run", async () => {
  await using database = await cloneDatabase();
  await expect(serve(database.url, KINDS)).rejects.toThrow(/not applied to the database: run `userd kinds apply`/);
  await apply(database.url, KINDS);
  await createTicket(database.url, KINDS);
  await expect(serve(database.url, NEWER)).rejects.toThrow(/not applied/);
});

test("a plan changes nothing, apply does what it says, and the second time nothing is left", async () => {
  await using database = await cloneDatabase();
  await using db = await openWith(database.url, KINDS);
  const plan = await planKinds(db);
  expect(plan.changes).toEqual(["the new kind Ticket", "the new kind TicketNote"]);
  expect(await planKinds(db)).toEqual(plan);
  expect(await applyKinds(db)).toEqual(plan);
  const nothing = { changes: [], statements: [], indexes: [] };
  expect([await planKinds(db), await applyKinds(db)]).toEqual([nothing, nothing]);
});

test("compatible changes are applied beside rows and an older instance, which goes on and starts again", async () => {
  await using database = await cloneDatabase();
  await apply(database.url, KINDS);
  await createTicket(database.url, KINDS);
  await using older = await serve(database.url, KINDS);
  const [kind] = kindOf(KINDS, "ticket");
  if (kind === undefined) throw new Error("The set has no tickets.");
  const maker = await makerOf(older.clients, kind);
  const { changes, indexes } = await apply(database.url, NEWER);
  expect(changes).toEqual([
    "Ticket takes the permission tickets.see instead of tickets.read",
    "Ticket.number takes 80 characters instead of 40",
    "Ticket.priority has the new value TICKET_PRIORITY_LOW",
    "the new field Ticket.votes",
    'the new index Ticket "organization_id_priority" (organization_id, priority)',
  ]);
  expect(indexes).toEqual([expect.stringMatching(/^create index ticket_organization_id_priority_index on kinds\.ticket /)]);
  await maker.create();
  await createTicket(database.url, KINDS);
  await createTicket(database.url, NEWER);
  await using service = await serve(database.url, NEWER);
  const [wider] = kindOf(NEWER, "ticket");
  if (wider === undefined) throw new Error("The set has no tickets.");
  const made = await makerOf(service.clients, wider);
  const shown = await made.create({ priority: 3, votes: 7n, number: "9".repeat(80) });
  expect(shown).toMatchObject({ priority: 3, votes: 7n, number: "9".repeat(80) });
  await made.call("Update", { ticket: { id: shown.id, votes: 8n } });
  const { auditEntries } = await service.clients.changes.listAuditEntries({ filter: { kinds: ["ticket"] } });
  expect(auditEntries.map(({ changedFields }) => changedFields)).toContainEqual(["votes"]);
  await using db = await openWith(database.url, NEWER);
  expect((await planKinds(db)).statements).toEqual([]);
});

test("two applies at once take turns: one changes the database, and the other finds it done", async () => {
  await using database = await cloneDatabase();
  for (const setting of [KINDS, NEWER]) {
    const both = await Promise.all([apply(database.url, setting), apply(database.url, setting)]);
    expect(both.map(({ changes }) => changes.length > 0).toSorted()).toEqual([false, true]);
  }
});

test("values of a field are in the audit trail from the apply on by which it is declared so", async () => {
  await using database = await cloneDatabase();
  await apply(database.url, KINDS);
  const setting = ticketSetting([
    [
      "4 [(buf.validate.field).enum.defined_only = true]",
      `4 [
    (buf.validate.field).enum.defined_only = true,
    (userd.v1.field).audit_value = true
  ]`,
    ],
  ]);
  expect((await apply(database.url, setting)).changes).toEqual(["Ticket.priority has its values in the audit trail from now on"]);
  expect((await apply(database.url, setting)).changes).toEqual([]);
  await using service = await serve(database.url, setting);
  const maker = await makerOf(service.clients, kindOf(setting, "ticket")[0] as Kind);
  const { id } = await maker.create({ priority: 1 });
  await maker.call("Update", { ticket: { id, priority: 2 } });
  const { auditEntries } = await service.clients.changes.listAuditEntries({ filter: { kinds: ["ticket"] }, pageSize: 1 });
  expect(auditEntries).toMatchObject([{ changedFields: ["priority"], changed: [{ field: "priority" }] }]);
});

test("an index that was broken off is made anew", async () => {
  await using database = await cloneDatabase();
  await apply(database.url, KINDS);
  await using db = await openWith(database.url, NEWER);
  const plan = await planKinds(db);
  for (const statement of plan.statements) await sql.raw(statement).execute(db.sql);
  await sql.raw(plan.indexes.join(";")).execute(db.sql);
  await sql`update pg_index set indisvalid = false where indexrelid = 'kinds.ticket_organization_id_priority_index'::regclass`.execute(
    db.sql,
  );
  expect((await applyKinds(db)).indexes).toEqual(plan.indexes);
  await createTicket(database.url, NEWER);
});

/** What holds an apply up in the middle, and the statement in which it then waits. */
const heldUp = [
  ["its transaction", "begin; lock table kinds.ticket in access share mode", "alter table%"],
  ["an index", "begin isolation level repeatable read; select 1", "create index concurrently%"],
] as const;

test.for(heldUp)("an apply that is killed in %s is done by the next one", async ([, hold, statement]) => {
  await using database = await cloneDatabase();
  await apply(database.url, KINDS);
  await createTicket(database.url, KINDS);
  await using db = await openWith(database.url, NEWER);
  const other = new pg.Client(database.url);
  await other.connect();
  try {
    await other.query(hold);
    await using killed = startUserd(["kinds", "apply"], { settings: { DATABASE_URL: database.url, KINDS: NEWER } });
    const waiting = async () =>
      (
        await db
          .session()
          .rows(
            sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike ${statement}`,
          )
      ).length;
    await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
    killed.process.kill("SIGKILL");
    await killed.ended;
    await other.query("rollback");
    await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
  } finally {
    await other.end();
  }
  await applyKinds(db);
  expect(await planKinds(db)).toMatchObject({ statements: [], indexes: [], changes: [] });
  await createTicket(database.url, NEWER);
});

const VOTES = "  google.protobuf.Timestamp create_time = 9";

/** Changes that are not compatible, and the sentence for each. */
const incompatible: readonly (readonly [what: string, changes: readonly Change[], sentence: string])[] = [
  [
    "a shorter text",
    [["max_len: 40 ", "max_len: 39 "]],
    "Ticket.number takes 39 characters, and took 40: rows may be longer, so leave it.",
  ],
  [
    "a value of an enum that is gone",
    [["TICKET_PRIORITY_URGENT = 2", "TICKET_PRIORITY_HIGH = 3"]],
    "Ticket.priority lacks the value TICKET_PRIORITY_URGENT = 2: rows may have it, so keep it.",
  ],
  [
    "a field that is gone",
    [["  google.protobuf.Timestamp due_time = 6 [(userd.v1.field).filter = true];", ""]],
    "Ticket lacks the field due_time: rows have it, so keep it, and mark it as deprecated.",
  ],
  ["another number", [["due_time = 6", "due_time = 66"]], "Ticket.due_time has another number: leave it as it is, and add a field."],
  [
    "a reference with a lower number than those to the same kind",
    [
      [
        VOTES,
        `  optional int64 creator_user_id = 3 [
    (buf.validate.field).int64.gt = 0,
    (userd.v1.field).reference = {kind: "user" deletion: KIND_REFERENCE_DELETION_SET_NULL}
  ];\n${VOTES}`,
      ],
      ["number = 3", "number = 30"],
    ],
    "Ticket has a new reference to user with the number 3: give it one above 5, which clients know `expanded` by.",
  ],
  [
    "another type",
    [
      ["optional int32 order", "optional int64 order"],
      ["(buf.validate.field).int32 = {", "(buf.validate.field).int64 = {"],
    ],
    "Ticket.order has another type: leave it as it is, and add a field.",
  ],
  [
    "a new field that is required",
    [[VOTES, `  optional int64 votes = 20 [(userd.v1.field).required = true];\n${VOTES}`]],
    "Ticket.votes is new and always has a value of its own, which resources that are there lack: make it nullable.",
  ],
  [
    "a new key",
    [["    keys: {", '    keys: {name: "twin" fields: ["organization_id", "number"]}\n    keys: {']],
    'Ticket has the new key "twin" (organization_id, number), which resources that are there may break: add a kind that has it.',
  ],
  [
    "an index that is gone",
    [['    indexes: {fields: ["organization_id", "order", "create_time"]}', ""]],
    'Ticket lacks the index "organization_id_order_create_time" (organization_id, order, create_time): instances with the older set need it, so keep it.',
  ],
  [
    "another deletion",
    [["KIND_REFERENCE_DELETION_SET_NULL}", "KIND_REFERENCE_DELETION_CASCADE}"]],
    "Ticket.owner_user_id has another reference.deletion: leave it as it is, and add a field.",
  ],
  [
    "another plural",
    [["    deletion: KIND_DELETION_SOFT", '    deletion: KIND_DELETION_SOFT\n    plural: "cards"']],
    "Ticket has another plural than tickets: clients call its RPCs by it, so keep it.",
  ],
  [
    "another service",
    [['service: "TicketService"', 'service: "DeskService"']],
    "Ticket has another service than TicketService: clients call its RPCs by it, so keep it.",
  ],
  [
    "a field that never changes from now on",
    [
      [
        "due_time = 6 [(userd.v1.field).filter = true]",
        "due_time = 6 [(userd.v1.field).filter = true, (google.api.field_behavior) = IMMUTABLE]",
      ],
    ],
    "Ticket.due_time is IMMUTABLE now, and clients update it: leave it as it is.",
  ],
  [
    "a field that clients write no more",
    [
      [
        "due_time = 6 [(userd.v1.field).filter = true]",
        "due_time = 6 [(userd.v1.field).filter = true, (google.api.field_behavior) = OUTPUT_ONLY]",
      ],
    ],
    "Ticket.due_time is OUTPUT_ONLY now, and clients write it: leave it as it is.",
  ],
  [
    "a kind that is gone",
    [["message TicketNote {", "message TicketRemark {"]],
    "No set has the kind TicketNote any more, whose resources are stored: mount it again.",
  ],
];

describe("incompatible changes are refused, with what to do instead", () => {
  test.for(incompatible)("%s", async ([, changes, sentence], { databaseUrl }) => {
    await apply(databaseUrl, KINDS);
    const setting = ticketSetting(changes);
    const refused = await apply(databaseUrl, setting).catch((error: Error) => error.message);
    expect(String(refused).split("\n")).toContain(sentence);
    await using db = await openWith(databaseUrl, KINDS);
    expect((await planKinds(db)).changes).toEqual([]);
  });
});

test("with none and a set, the built-in kinds are not served, and their tables stay", async () => {
  await using database = await cloneDatabase();
  const setting = KINDS.replace(/^builtin,/, "");
  await apply(database.url, setting);
  await using service = await serve(database.url, setting);
  expect(Object.keys(service.clients.families)).toEqual(["TicketService"]);
  const { id } = await createOrganization(service.clients);
  await service.clients.organizations.purgeOrganization({ id });
  await using bare = await serve(database.url, "none");
  expect(Object.keys(bare.clients.families)).toEqual([]);
});

test("the embedded database takes them too", async () => {
  await using db = await openDatabase({ database: { kind: "pglite", folder: "memory" }, poolSize: 1 }, silent, kindsOf(KINDS));
  await migrate(db, silent);
  expect((await applyKinds(db)).changes).toHaveLength(2);
  expect((await applyKinds(db)).changes).toEqual([]);
});
