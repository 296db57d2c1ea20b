import { sql } from "kysely";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import type { OwnedDatabase } from "../../src/db/open.ts";
import type { ImportOptions, ImportProgress } from "../../src/import/import.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { testConfig } from "../support/service.ts";
import { importRecords, rowsOf, test } from "./fixture.ts";

/** `npm run accounting` makes the thirty. */
const RUNS = process.env["ACCOUNTING"] === "all" ? 30 : 6;
const USERS = 6;

/** The tables whose rows the service makes meanwhile, and how many of them one round of calls makes. */
const perRound = { users: 1, organization: 1, user_email: 2, user_option: 1, organization_member: 1 } as const;
const tables = ["users", "user_email", "user_option", "organization", "organization_member"] as const;

/** Calls that each make rows, until it is stopped; `rounds` counts those whose calls were all answered. */
const hammer = (clients: Clients, name: string) => {
  const state = { rounds: 0, isStopped: false };
  const work = async () => {
    while (!state.isStopped) {
      const username = `${name}-${state.rounds}`;
      const { user } = await clients.users.createUser({ user: { username, email: `${username}@service.test` } });
      const userId = user?.id ?? 0n;
      await Promise.all([
        clients.organizations.createOrganization({ organization: { slug: username, name: username }, ownerUserId: userId }),
        clients.users.addUserEmail({ userId, email: `${username}@second.test` }),
        clients.options.setOption({ userId, key: "plugin:key", value: { kind: { case: "stringValue", value: username } } }),
      ]);
      state.rounds += 1;
    }
  };
  const working = work();
  // What fails is thrown by `stop`; it is no unhandled rejection until then.
  working.catch(() => {});
  const stop = async () => {
    state.isStopped = true;
    await working;
    return state.rounds;
  };
  return { stop };
};

const lastOf = async (db: OwnedDatabase, table: string): Promise<number> => {
  const [row] = await rowsOf<{ last: string }>(db, sql`select last_value as last from ${sql.table(`${table}_id_seq`)}`);
  return Number(row?.last);
};

/** A file whose ids begin right after those that were drawn, or further up. */
const fileOf = async (db: OwnedDatabase, run: number, further: number) => {
  const [user = 0, email = 0, option = 0, organization = 0, member = 0] = await Promise.all(
    tables.map(async (table) => (await lastOf(db, table)) + 1 + further),
  );
  const each = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
  const nameOf = (index: number) => `file-${run}-${index}`;
  const record = (model: string, pk: number, fields: Record<string, unknown>) => ({ model, pk, fields });
  return [
    ...each(USERS, (i) => record("sentry.user", user + i, { username: nameOf(i), email: `${nameOf(i)}@file.test`, password: "" })),
    ...each(USERS, (i) => record("sentry.useremail", email + i, { user: user + i, email: `${nameOf(i)}@file.test` })),
    ...each(USERS, (i) => record("sentry.useroption", option + i, { user: user + i, key: "plugin:key", value: nameOf(i) })),
    ...each(2, (i) => record("sentry.organization", organization + i, { name: nameOf(i), slug: nameOf(i), status: 0 })),
    ...each(USERS, (i) =>
      record("sentry.organizationmember", member + i, { organization: organization + (i % 2), user_id: user + i, role: "member" }),
    ),
  ];
};

const kinds: readonly (readonly [further: number, options: ImportOptions])[] = [
  [0, {}],
  [0, { onConflict: "remap" }],
  [20_000, {}],
  [0, { onConflict: "remap", ids: "new" }],
];

/** Each row with the name of whom it is of, so that one that is lost, doubled or somebody else's shows. */
const relations = sql`select u.username,
  (select count(*)::int from user_email e where e.user_id = u.id and e.email like u.username || '@%.test') as emails,
  (select count(*)::int from user_option o where o.user_id = u.id and o.key = 'plugin:key' and o.value = to_jsonb(u.username)) as options,
  (select count(*)::int from organization_member m join organization g on g.id = m.organization_id
    where m.user_id = u.id and (g.slug = u.username or g.slug like 'file-%')) as members
  from users u where u.username like ${"service-%"} or u.username like ${"file-%"} order by u.username collate "C"`;

test(`of ${RUNS} imports and a service that draws ids at the same time, neither fails, loses or doubles anything`, {
  timeout: 300_000,
}, async ({ own: db, ownUrl }) => {
  await using service = await startApp(testConfig(ownUrl), silent, { migrate: true });
  const { byKind, close } = createClients(service);
  const expected: { username: string; emails: number; options: number; members: number }[] = [];
  const counts = { users: 0, organization: 0, user_email: 0, user_option: 0, organization_member: 0 };
  let stored = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const [further, options] = kinds[run % kinds.length] ?? [0, {}];
    const names = [0, 1].map((worker) => `service-${run}-${worker}`);
    let hammers: readonly ReturnType<typeof hammer>[] = [];
    // The last moment before the import looks at ids: what it reserves is what the service draws next.
    const onProgress = ({ phase }: ImportProgress) => {
      if (phase === "locking names") hammers = names.map((name) => hammer(byKind["grpc-js"], name));
    };
    const report = await importRecords(db, await fileOf(db, run, further), { ...options, onProgress });
    const rounds = await Promise.all(hammers.map(({ stop }) => stop()));
    rounds.forEach((count, worker) => {
      for (const table of tables) counts[table] += count * perRound[table];
      for (let round = 0; round < count; round += 1) {
        expected.push({ username: `${names[worker]}-${round}`, emails: 2, options: 1, members: 1 });
      }
    });
    if (!report.stored) {
      // Only an id that the service drew before it was reserved stops an import.
      expect([options.onConflict, further]).toEqual([undefined, 0]);
      expect(report.conflicts.length).toBeGreaterThan(0);
      for (const { nameHere } of report.conflicts) expect(nameHere).toMatch(/^service-/);
      continue;
    }
    stored += 1;
    for (const { model, read, created } of report.models) expect({ model, created }).toEqual({ model, created: read });
    counts.organization += 2;
    for (const table of ["users", "user_email", "user_option", "organization_member"] as const) counts[table] += USERS;
    for (let index = 0; index < USERS; index += 1) {
      expected.push({ username: `file-${run}-${index}`, emails: 1, options: 1, members: 1 });
    }
  }
  close();
  const byName = (a: { username: string }, b: { username: string }) => (a.username < b.username ? -1 : 1);
  expect(await rowsOf(db, relations)).toEqual(expected.sort(byName));
  for (const table of tables) {
    expect(await rowsOf(db, sql`select ${table}::text as table, count(*)::int as count from ${sql.table(table)}`)).toEqual([
      { table, count: counts[table] },
    ]);
  }
  expect(stored).toBeGreaterThan(RUNS / 2);
});
