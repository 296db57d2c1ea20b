import { sql } from "kysely";
import { expect } from "vitest";
import { createUser, unique } from "../support/build.ts";
import { test } from "../support/service.ts";

test("U1 of 50 users that are created at once with one username, in any case, exactly one is", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const name = unique("claimed");
  const spelled = (index: number) => [...name].map((letter, at) => ((index >> (at % 6)) & 1 ? letter.toUpperCase() : letter)).join("");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => users.createUser({ user: { username: spelled(index) } }, { timeoutMs: 10_000 })),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []));
  expect(refused).toHaveLength(49);
  expect(new Set(refused)).toEqual(new Set(["ConnectError: [already_exists] The username is taken."]));
  expect(await db.sql.selectFrom("users").select("id").where("username_canonical", "=", name).execute()).toHaveLength(1);
});

test("U2 claims that cross never deadlock, and of each two at most one is granted", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const pairs = Array.from({ length: 20 }, () => [`${unique("a")}@example.com`, `${unique("b")}@example.com`] as const);
  const outcomes = await Promise.all(
    pairs.map(async ([first, second]) => {
      const claims = [
        users.createUser({ user: { username: first, email: second } }, { timeoutMs: 10_000 }),
        users.createUser({ user: { username: second, email: first } }, { timeoutMs: 10_000 }),
      ];
      return Promise.allSettled(claims);
    }),
  );
  for (const claims of outcomes) {
    expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [refused] = claims.flatMap((claim) => (claim.status === "rejected" ? [String(claim.reason)] : []));
    expect(refused).toMatch(/already_exists/);
  }
  const { rows } = await sql`select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()`.execute(db.sql);
  expect(rows).toEqual([{ deadlocks: 0 }]);
});

test("users that swap their names at once do not deadlock", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const [a, b] = [
    await createUser(clients["grpc-js"], { username: unique("a") }),
    await createUser(clients["grpc-js"], { username: unique("b") }),
  ];
  for (let round = 0; round < 10; round += 1) {
    await Promise.allSettled([
      users.updateUser({ user: { id: a.id, username: b.username ?? "" } }),
      users.updateUser({ user: { id: b.id, username: a.username ?? "" } }),
    ]);
  }
  const { rows } = await sql`select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()`.execute(db.sql);
  expect(rows).toEqual([{ deadlocks: 0 }]);
});
