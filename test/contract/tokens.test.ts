import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { VersionedAggregate } from "../../src/versions/aggregate.ts";
import { createConsistencyTokens } from "../../src/versions/token.ts";
import { unique } from "../support/build.ts";
import { methods } from "./methods.ts";
import { callRpc, test } from "./world.ts";

const labelOf = ({ kind, id, version }: VersionedAggregate): string => `${kind} ${id} at version ${version}`;

const versionsOf = async (db: Database): Promise<ReadonlySet<string>> => {
  const { rows } = await sql<VersionedAggregate>`select kind, id, version from aggregate_version`.execute(db.sql);
  return new Set(rows.map(labelOf));
};

/** The request with a new name in each resource that can have one and has none yet: an update of nothing moves nothing. */
const renamed = (request: object): object =>
  Object.fromEntries(
    Object.entries(request).map(([field, held]) => [
      field,
      typeof held === "object" && !Array.isArray(held) ? { name: unique("Name "), ...held } : held,
    ]),
  );

test("the token of a write names every aggregate whose version the write has moved", async ({ world: { own, resources }, db }) => {
  const tokens = createConsistencyTokens(db.secretKey);
  const writes = methods.filter(({ localName }) => resources[localName] !== undefined);
  const moving: string[] = [];
  for (const method of writes) {
    const before = await versionsOf(db);
    const answer = (await callRpc(own, method, renamed(resources[method.localName] ?? {}))) as { consistencyToken: string };
    const moved = [...(await versionsOf(db))].filter((label) => !before.has(label));
    const token = tokens.read(answer.consistencyToken);
    const named = new Set(token?.aggregates.map(labelOf));
    if (moved.length > 0) moving.push(method.name);
    if (token?.time !== undefined) continue;
    expect(
      moved.filter((label) => !named.has(label)),
      `${method.name}: give what it moves to write() as aggregates, which locks them and names them in the token`,
    ).toEqual([]);
  }
  expect(moving).toEqual(expect.arrayContaining(["CreateUser", "UpdateUser", "UpdateTeam", "UpdateAccount", "UpdateProfile"]));
});
