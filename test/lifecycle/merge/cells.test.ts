import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../../src/db/orm.ts";
import { MergeWinner } from "../../../src/gen/userd/v1/user_merge_pb.ts";
import { lifeOf, type TableLife, tables, userColumnsOf } from "../../../src/lifecycle/tables.ts";
import { kinds } from "../../../src/schema/entities.ts";
import { isOwned, makerOf } from "../../kinds/maker.ts";
import { createAccount, createProfile, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { collect } from "../../support/collect.ts";
import { test } from "../../support/service.ts";
import { type Cell, cellsOf, createTwo, furnish, type Rows, type Standing, standings } from "./furnish.ts";

const cells = cellsOf({ kinds } as Clients, Object.keys(tables));
const winners = [MergeWinner.TARGET, MergeWinner.SOURCE, MergeWinner.NEWEST];

/** Whether rows of a table can be equal, or differ: an id outside is one user's only. */
const canBe = ({ table, rule }: Cell, standing: Standing): boolean => {
  if (standing === "none") return true;
  if (standing === "equal") return table !== "identity" && table !== "auth_identity";
  return rule.values.length > 0 && (standing === "older" || rule.newest !== undefined);
};

const ownerOf = async (db: Database, { table, column }: Cell, id: bigint | undefined): Promise<bigint | undefined> => {
  const { rows } = await sql<{ owner: bigint }>`
    select ${sql.ref(column)} as owner from ${sql.table(table)} where id = ${id ?? 0n}`.execute(db.sql);
  return rows[0]?.owner;
};

/** Says whose row stays: the source's, which moves, or the target's. */
const sourceStays = (standing: Standing, winner: MergeWinner): boolean => {
  if (standing === "none") return true;
  if (standing === "equal") return false;
  return winner === MergeWinner.SOURCE || (winner === MergeWinner.NEWEST && standing === "older");
};

const cases = standings.flatMap((standing) => winners.map((winner) => [standing, winner] as const));

test.for(cases)(
  "U42 a merge of each table, where the target's row is %s, by the policy %s, does what was planned, and can be undone",
  async ([standing, winner], { clients, db }) => {
    const own = clients["grpc-js"];
    const two = await createTwo(own);
    const meant = cells.filter((cell) => canBe(cell, standing));
    const furnished: { readonly cell: Cell; readonly rows: Rows }[] = [];
    for (const cell of meant) furnished.push({ cell, rows: await furnish(db, own, cell, two, standing) });
    const [stays, isConflict] = [sourceStays(standing, winner), standing === "older" || standing === "newer"];
    const users = { fromUserId: two.from, toUserId: two.to };
    const request = { ...users, policy: { winner } };
    const { plan } = await own.users.planUserMerge(request);
    // The rule of a table says the same as the default of a policy.
    const byTables = { tables: meant.map(({ table }) => ({ table, winner })) };
    expect((await own.users.planUserMerge({ ...users, policy: byTables })).plan).toEqual(plan);
    // And so does a rule for each conflict, for whatever the policy says of the rest.
    const decided = (plan?.conflicts ?? []).filter(({ table }) => meant.some((cell) => cell.table === table));
    const byConflicts = { winner: MergeWinner.SOURCE, conflicts: decided.map(({ table, key }) => ({ table, key, winner })) };
    expect((await own.users.planUserMerge({ ...users, policy: byConflicts })).plan).toEqual(plan);
    for (const { table, before, moved, kept, discarded } of plan?.counts ?? []) expect(before, table).toBe(moved + kept + discarded);
    for (const { table } of meant) {
      const conflicts = plan?.conflicts.filter((one) => one.table === table) ?? [];
      const expected = isConflict ? [stays ? MergeWinner.SOURCE : MergeWinner.TARGET] : [];
      expect(
        conflicts.map((one) => one.winner),
        table,
      ).toEqual(expected);
      for (const { source, target } of conflicts) expect(JSON.parse(source)).not.toEqual(JSON.parse(target));
    }

    const merged = await own.users.mergeUsers({ ...request, planEtag: plan?.etag ?? "" });
    expect(merged.plan).toEqual(plan);
    const { discards } = await own.users.listMergeDiscards({ fromUserId: two.from, pageSize: 1_000 });
    for (const { cell, rows } of furnished) {
      const to = cell.column === "user_id" ? two.to : two.toProfile;
      expect(await ownerOf(db, cell, rows.source), cell.table).toBe(stays ? to : undefined);
      if (rows.target !== undefined) expect(await ownerOf(db, cell, rows.target), cell.table).toBe(stays ? undefined : to);
      const sides = discards.filter(({ table }) => table === cell.table).map(({ side }) => side);
      expect(sides, cell.table).toEqual(isConflict ? [stays ? MergeWinner.TARGET : MergeWinner.SOURCE] : []);
    }

    expect((await own.users.undoUserMerge({ fromUserId: two.from })).notUndone).toEqual([]);
    for (const { cell, rows } of furnished) {
      const [from, to] = cell.column === "user_id" ? [two.from, two.to] : [two.fromProfile, two.toProfile];
      expect(await ownerOf(db, cell, rows.source), cell.table).toBe(from);
      if (rows.target !== undefined) expect(await ownerOf(db, cell, rows.target), cell.table).toBe(to);
    }
  },
);

/** Returns a lesser and a greater value of a column that is joined, as JSON has them. */
const valuesOf = (column: string): readonly [unknown, unknown] => {
  if (column === "role") return [1, 3];
  return column === "is_verified" ? [false, true] : ["2001-01-01T00:00:00+00:00", "2002-01-01T00:00:00+00:00"];
};

/** Reads some columns of a row, as JSON has them. */
const shownOf = async (db: Database, table: string, id: bigint | undefined, columns: readonly string[]): Promise<unknown> => {
  const { rows } = await sql<{ row: Record<string, unknown> }>`
    select to_jsonb(x) as row from ${sql.table(table)} x where id = ${id ?? 0n}`.execute(db.sql);
  return rows[0] && Object.fromEntries(columns.map((column) => [column, rows[0]?.row[column]]));
};

test.for(winners.flatMap((winner) => ["source", "target"].map((greater) => [winner, greater] as const)))(
  "U42 by the policy %s, what both users have takes over from the two rows what its table says, where the %s's is greater",
  async ([winner, greater], { clients, db }) => {
    const own = clients["grpc-js"];
    const two = await createTwo(own);
    const tried: { readonly cell: Cell; readonly rows: Rows; readonly before: readonly object[]; readonly joined: object }[] = [];
    for (const cell of cells.filter(({ rule }) => rule.joins !== undefined)) {
      const rows = await furnish(db, own, cell, two, "equal");
      const joins = Object.entries(cell.rule.joins ?? {});
      const before = ["source", "target"].map((side) =>
        Object.fromEntries(joins.map(([column]) => [column, valuesOf(column)[side === greater ? 1 : 0]])),
      );
      for (const [index, id] of [rows.source, rows.target].entries())
        await sql`
          update ${sql.table(cell.table)} x set ${sql.join(joins.map(([name]) => sql`${sql.ref(name)} = r.${sql.ref(name)}`))}
          from jsonb_populate_record(null::${sql.table(cell.table)}, ${JSON.stringify(before[index])}::jsonb) r where x.id = ${id}`.execute(
          db.sql,
        );
      const joined = Object.fromEntries(joins.map(([column, how]) => [column, valuesOf(column)[how === "least" ? 0 : 1]]));
      tried.push({ cell, rows, before, joined });
    }
    expect(tried.map(({ cell }) => cell.table)).toEqual(["user_ip", "user_email", "organization_member"]);
    const users = { fromUserId: two.from, toUserId: two.to, policy: { winner } };
    await own.users.mergeUsers({ ...users, planEtag: (await own.users.planUserMerge(users)).plan?.etag ?? "" });
    for (const { cell, rows, joined } of tried)
      expect(await shownOf(db, cell.table, rows.target, Object.keys(joined)), cell.table).toEqual(joined);
    expect((await own.users.undoUserMerge({ fromUserId: two.from })).notUndone).toEqual([]);
    for (const { cell, rows, before, joined } of tried)
      for (const [index, id] of [rows.source, rows.target].entries())
        expect(await shownOf(db, cell.table, id, Object.keys(joined)), cell.table).toEqual(before[index]);
  },
);

/** What an export says of a user, but for versions, etags and times, the history of its options, and the ids of what was made anew. */
const heldOf = async (own: Clients, userId: bigint): Promise<readonly unknown[]> => {
  const lines = (await collect(own.users.exportUser({ userId, includeSecrets: true }))).slice(1).map(({ line }) => JSON.parse(line));
  const timeless = (row: object) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !/(_time|^version|^etag|session_nonce)$/.test(name)));
  return lines
    .filter(({ table }) => table !== "option_revision" && table !== "user_activity")
    .map(({ table, row }) => ({ table, row: timeless(row) }));
};

test.for(standings)(
  "U42 an undone merge of two users with everything leaves equal exports of both, where rows are %s",
  async (standing, { clients, db }) => {
    const own = clients["grpc-js"];
    const two = await createTwo(own);
    for (const cell of cells.filter((one) => canBe(one, standing))) await furnish(db, own, cell, two, standing);
    const alone = await createAccount(own);
    await createProfile(own, two.from, alone.id);
    const before = [await heldOf(own, two.from), await heldOf(own, two.to)];
    const users = { fromUserId: two.from, toUserId: two.to };
    await own.users.mergeUsers({ ...users, planEtag: (await own.users.planUserMerge(users)).plan?.etag ?? "" });
    await own.users.undoUserMerge({ fromUserId: two.from });
    expect([await heldOf(own, two.from), await heldOf(own, two.to)]).toEqual(before);
  },
);

/** Rows that collide with nothing: a table, a column, and the row's owner before and after a merge; undefined = it is removed. */
type Loose = { readonly table: string; readonly column: string; readonly from: bigint; readonly to: bigint | undefined };

const countOf = async (db: Database, { table, column }: Loose, owner: bigint | undefined): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from ${sql.table(table)} where ${sql.ref(column)} = ${owner ?? 0n}`.execute(db.sql);
  return rows[0]?.count ?? 0;
};

test.for(winners)(
  "U42 by the policy %s, rows that collide with nothing move, end or stay as their tables say, and come back",
  async (winner, { clients, db }) => {
    const own = clients["grpc-js"];
    const two = await createTwo(own);
    const { from, to } = two;
    await own.users.createPasswordReset({ userId: from });
    for (const text of ["a", "b"]) await own.options.setOption({ userId: from, key: "k", value: value(text) });
    // As a merge before has left it.
    await sql`insert into parted_history (user_id, scope_kind, scope_id) values (${from}, 2, ${two.organizationId})`.execute(db.sql);
    const loose: Loose[] = [
      { table: "password_reset", column: "user_id", from, to: undefined },
      { table: "option_revision", column: "user_id", from, to: from },
      { table: "parted_history", column: "user_id", from, to: from },
      { table: "account_contact", column: "user_id", from, to },
    ];
    const refer = kinds.filter(({ isLarge, belongsTo }) => !isLarge && belongsTo?.to !== "profile");
    for (const kind of refer) {
      for (const column of userColumnsOf(kind)) {
        const field = kind.columns.find(({ name }) => name === column)?.field.localName ?? "";
        const maker = await makerOf(own, kind, two.organizationId);
        const others = kind.choices.flatMap(({ columns }) => (columns.some(({ name }) => name === column) ? columns : []));
        const without = Object.fromEntries(others.map((one) => [one.field.localName, undefined]));
        await maker.create({ ...without, [field]: from });
        loose.push({ table: kind.table, column, from, to });
      }
    }
    for (const kind of kinds.filter((one) => isOwned(one) && lifeOf(kinds, one.table)?.merge.as === "moves")) {
      await (await makerOf(own, kind, two.fromProfile)).create();
      loose.push({ table: kind.table, column: "owner_profile_id", from: two.fromProfile, to: two.toProfile });
    }
    // No table is left out whose rows a merge touches without a collision.
    const declared = Object.entries<TableLife>(tables).flatMap(([table, { merge }]) =>
      ["moves", "ends", "stays"].includes(merge.as) ? [table] : [],
    );
    expect(loose.map(({ table }) => table)).toEqual(expect.arrayContaining(declared));

    const before: number[] = [];
    for (const one of loose) before.push(await countOf(db, one, one.from));
    expect(before.every((count) => count > 0)).toBe(true);
    const users = { fromUserId: from, toUserId: to, policy: { winner } };
    await own.users.mergeUsers({ ...users, planEtag: (await own.users.planUserMerge(users)).plan?.etag ?? "" });
    for (const [index, one] of loose.entries()) {
      const place = `${one.table}.${one.column}`;
      if (one.to !== one.from) expect(await countOf(db, one, one.from), place).toBe(0);
      if (one.to !== undefined) expect(await countOf(db, one, one.to), place).toBeGreaterThanOrEqual(before[index] ?? 0);
    }
    expect((await own.users.undoUserMerge({ fromUserId: from })).notUndone).toEqual([]);
    for (const [index, one] of loose.entries()) {
      const count = await countOf(db, one, one.from);
      // What comes back is one more write of the history.
      if (one.to === one.from) expect(count, one.table).toBeGreaterThanOrEqual(before[index] ?? 0);
      else expect(count, `${one.table}.${one.column}`).toBe(one.to === undefined ? 0 : before[index]);
    }
  },
);
