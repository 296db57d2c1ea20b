import { sql } from "kysely";
import { expect } from "vitest";
import { createClients } from "../support/clients.ts";
import { test as base } from "../support/service.ts";
import { raceFirstSets, raceIncrements } from "./contention.ts";

/** Eight clients, each with a connection of its own. */
const test = base.extend("eight", { scope: "file" }, ({ service }, { onCleanup }) => {
  const eight = Array.from({ length: 8 }, () => createClients(service));
  onCleanup(() => {
    for (const { close } of eight) close();
  });
  return eight.map(({ byKind }) => byKind["grpc-js"]);
});

test("8 clients that set the same 200 options for the first time make 200 rows, and no call fails", { timeout: 300_000 }, async ({
  eight,
  db,
}) => {
  const { userIds, created, failures } = await raceFirstSets(eight, 200);
  expect(failures).toEqual({});
  expect(created).toBe(200);
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from user_option where user_id = any(${userIds.map(String)}::bigint[])`.execute(db.sql);
  expect(rows[0]?.count).toBe(200n);
});

test("8 clients that add to one option by its etag lose no addition", { timeout: 300_000 }, async ({ eight }) => {
  const { final, acknowledged, failures } = await raceIncrements(eight, { additions: 500 });
  expect(Object.keys(failures).filter((code) => code !== "Aborted")).toEqual([]);
  expect(acknowledged).toBe(500);
  expect(final).toBe(500);
});
