import { Writable } from "node:stream";
import { sql } from "kysely";
import { pino } from "pino";
import { expect, test } from "vitest";
import { startApp } from "../../../src/app.ts";
import { MemberRole } from "../../../src/gen/userd/v1/member_pb.ts";
import { createOrganization, createUser, unique } from "../../support/build.ts";
import { type Clients, createClients } from "../../support/clients.ts";
import { expectRefusal } from "../../support/errors.ts";
import { startPostgres } from "../../support/postgres.ts";
import { testConfig } from "../../support/service.ts";
import { withKeys } from "./keys.ts";
import { apply, kindsOf, openWith, ticketSetting } from "./service.ts";

type Key = { readonly id: bigint; readonly password?: string; readonly certificate?: Uint8Array; readonly token?: string };
type Call = (request: object, options?: object) => Promise<{ ticketKey: Key }>;

const setting = ticketSetting([withKeys]);

const keysOf = (clients: Clients) => clients.families["TicketService"] as unknown as Readonly<Record<string, Call>>;

/** The forms in which a text could stand somewhere. */
const formsOf = (text: string): readonly string[] => [
  text,
  Buffer.from(text).toString("hex"),
  Buffer.from(text).toString("base64").slice(0, -4),
];

test("a secret is nowhere: not in statements with their values, in no table, answer or line of the log", { timeout: 120_000 }, async () => {
  const statements: string[] = [];
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres({ settings: ["log_statement=all"], onLog: (text) => void statements.push(text) });
  stack.defer(() => postgres.stop());
  const lines: string[] = [];
  const collect = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const settings = { KINDS: setting, LOG_LEVEL: "trace" };
  const config = testConfig(postgres.url, settings);
  const log = pino({ level: "trace" }, collect);
  // The tables of a team's kinds are made between the two starts.
  await (await startApp(testConfig(postgres.url), log, { migrate: true }))[Symbol.asyncDispose]();
  await apply(postgres.url, setting);
  const app = stack.use(await startApp(config, log, { migrate: false }));
  const { byKind, close } = createClients(app, undefined, kindsOf(setting));
  stack.defer(() => close());
  const client = byKind["Connect JSON"];
  const call = keysOf(client);
  const answers: unknown[] = [];
  const ask = async (name: string, request: object, options?: object) => {
    const answer = await call[name]?.(request, options);
    if (answer !== undefined && !["createTicketKey", "revealTicketKey"].includes(name)) answers.push(answer);
    return answer?.ticketKey as Key;
  };
  const { id: organizationId } = await createOrganization(client);
  const { id: member } = await createUser(client);
  await client.organizations.addMember({ organizationId, userId: member, role: MemberRole.MEMBER });
  const [password, later, certificate] = [unique("first password "), unique("second password "), unique("some bytes ")];
  const ticketKey = { organizationId, name: "a", password, certificate: new TextEncoder().encode(certificate) };
  const request = { ticketKey, requestId: crypto.randomUUID() };
  const { id, token = "" } = await ask("createTicketKey", request);
  expect((await ask("createTicketKey", request)).token).toBe(token);
  await ask("verifyTicketKey", { token });
  await ask("updateTicketKey", { ticketKey: { id, password: later } });
  await ask("getTicketKey", { key: { case: "id", value: id } });
  await ask("batchGetTicketKeys", { ids: [id] });
  await ask("listTicketKeys", { organizationId });
  expect((await ask("revealTicketKey", { id })).password).toBe(later);
  answers.push(await client.changes.listAuditEntries({}));
  const refused = [
    ask("createTicketKey", { ticketKey: { ...ticketKey, password: later } }),
    ask("updateTicketKey", { ticketKey: { id, password: later, name: "" } }),
    ask("listTicketKeys", { organizationId, filter: `password == "${password}"` }),
    ask("listTicketKeys", { organizationId, orderBy: "password" }),
    ask("verifyTicketKey", { token: `${token}x` }),
    ask("revealTicketKey", { id }, { headers: { "x-acting-user-id": String(member) } }),
  ];
  const errors = await Promise.all(
    refused.map((one) =>
      one.then(
        () => expect.fail("it was not refused"),
        (error: { rawMessage: string }) => error,
      ),
    ),
  );
  await expectRefusal(refused[5] as Promise<unknown>, "PermissionDenied", "PERMISSION_REQUIRED");
  answers.push(...errors.map(({ rawMessage }) => rawMessage));

  const asText = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === "bigint" ? String(part) : part instanceof Uint8Array ? Buffer.from(part).toString("latin1") : part,
    );
  await using db = await openWith(postgres.url, setting);
  const { rows: tables } = await sql<{ name: string }>`
    select table_schema || '.' || table_name as name from information_schema.tables
    where table_schema in ('public', 'kinds') and table_type = 'BASE TABLE'`.execute(db.sql);
  const stored: string[] = [];
  for (const { name } of tables)
    stored.push(
      ...(await sql<{ row: string }>`select r::text as row from ${sql.table(name)} r`.execute(db.sql)).rows.map(({ row }) => row),
    );
  expect(stored.filter((row) => row.includes("TicketService/CreateTicketKey"))).toHaveLength(1);
  expect(lines.length).toBeGreaterThan(0);
  // The server writes its log behind the statements: this one is the last.
  await sql`select 'the last statement'`.execute(db.sql);
  await expect.poll(() => statements.join("").includes("the last statement"), { timeout: 10_000 }).toBe(true);
  expect(statements.join("")).toMatch(/insert into "kinds"\."ticket_key"[\s\S]*DETAIL: {2}[Pp]arameters: /);
  const places = { statements: [statements.join("")], tables: stored, answers: answers.map(asText), log: lines };
  for (const secret of [password, later, certificate, token])
    for (const form of formsOf(secret))
      for (const [place, texts] of Object.entries(places))
        expect([place, texts.some((text) => text.includes(form))]).toEqual([place, false]);
});
