import pg from "pg";
import { describe, expect } from "vitest";
import { createUser, uniqueId, value } from "../support/build.ts";
import { test } from "../support/service.ts";
import { statementsOf } from "./statements.ts";

const tablesOf = (statement: string) => ["user_option", "scope_option"].filter((table) => statement.includes(table));

const many = test.extend("userIds", { scope: "file" }, async ({ db, service: _ }): Promise<bigint[]> => {
  const rows = await db.sql
    .insertInto("users")
    .values(
      Array.from({ length: 1_000 }, (_, index) => ({
        username: `many-${index}`,
        username_canonical: `many-${index}`,
        email: "",
      })) as never,
    )
    .returning("id")
    .execute();
  return rows.map(({ id }) => id as bigint);
});

describe("statements per call, whatever the number of users and keys", () => {
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);

  many("O31 ResolveOptions of 1,000 users × 20 keys is one statement per table", async ({ clients, db, userIds }) => {
    const { options } = clients["grpc-js"];
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    await db.sql
      .insertInto("user_option")
      .values(
        userIds.flatMap((user_id) =>
          keys.slice(0, 3).map((key) => ({ user_id, scope_kind: 2, scope_id: projectId, key, value: JSON.stringify("x".repeat(40)) })),
        ) as never,
      )
      .execute();
    const statements = await statementsOf(async () => {
      const { results } = await options.resolveOptions({ userIds, keys, projectId, organizationId, explain: true });
      expect(results).toHaveLength(1_000);
      for (const { options: resolved } of results) expect(resolved.map(({ key }) => key)).toEqual(keys);
      expect(results[999]?.options.map(({ found }) => found).filter(Boolean)).toHaveLength(3);
    });
    expect(statements.flatMap(tablesOf).sort()).toEqual(["scope_option", "user_option"]);
    expect(statements).toHaveLength(2);
  });

  many(
    "the options of 1 and of 3,000 scopes are found by their index, whatever is known of their number",
    async ({ clients, db, databaseUrl, userIds }) => {
      const scopes: readonly (readonly [kind: number, id: bigint])[] = [
        [0, 0n],
        [1, uniqueId()],
        [2, uniqueId()],
      ];
      await db.sql
        .insertInto("user_option")
        .values(
          userIds.flatMap((user_id) =>
            scopes.map(([scope_kind, scope_id]) => ({ user_id, scope_kind, scope_id, key: "planned", value: "1" })),
          ) as never,
        )
        .execute();
      const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
      const statements = await statementsOf(() =>
        clients["grpc-js"].options.getOption({ userId: userIds[0] as bigint, key: "planned", consistency }),
      );
      // Before it, versions may have been asked for.
      const statement = statements.at(-1) ?? "";
      const pairs = userIds.flatMap((userId) => scopes.map((scope) => [userId, ...scope] as const));
      const client = new pg.Client(databaseUrl);
      await client.connect();
      try {
        await client.query("analyze users, user_option, aggregate_version");
        for (const count of [1, pairs.length]) {
          for (const mode of ["force_custom_plan", "force_generic_plan"]) {
            const wanted = pairs.slice(0, count);
            await client.query(`set plan_cache_mode = ${mode}`);
            const { rows } = await client.query<{ "QUERY PLAN": string }>({
              name: `${mode} ${count}`,
              text: `explain (costs off) ${statement}`,
              values: [
                wanted.map(([userId]) => String(userId)),
                wanted.map(([, kind]) => kind),
                wanted.map(([, , id]) => String(id)),
                wanted.map(() => null),
              ],
            });
            const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
            expect(plan, `${mode} ${count}`).toMatch(/Index Scan (using|on) user_option_key/);
            expect(plan, `${mode} ${count}`).not.toContain("Seq Scan on user_option");
          }
        }
      } finally {
        await client.end();
      }
    },
  );

  many("BatchGetOptions is one, GetOption and ListOptions too", async ({ clients, userIds }) => {
    const { options } = clients["grpc-js"];
    const [userId = 0n] = userIds;
    const strong = { mode: { case: "fullyConsistent" as const, value: true } };
    // What is held was written past userd, so it is loaded anew.
    await options.batchGetOptions({ userIds, keys, consistency: strong });
    for (const statements of [
      await statementsOf(() => options.batchGetOptions({ userIds, keys, consistency: strong })),
      await statementsOf(() => options.getOption({ userId, key: "k", consistency: strong })),
    ]) {
      expect(statements).toHaveLength(1);
      // The versions alone: what is held has them.
      expect(statements.flatMap(tablesOf)).toEqual([]);
    }
    const { id: unread } = await createUser(clients["grpc-js"]);
    expect(await statementsOf(() => options.getOption({ userId: unread, key: "k", consistency: strong }))).toHaveLength(1);
    // Now they are held: a hit touches no database.
    expect(await statementsOf(() => options.batchGetOptions({ userIds, keys }))).toHaveLength(0);
    expect(await statementsOf(() => options.getOption({ userId, key: "k" }))).toHaveLength(0);
    expect(await statementsOf(() => options.listOptions({ userId, allScopes: true }))).toHaveLength(1);
  });

  many("SetOption is one without BEGIN and COMMIT, whether it makes, changes or expires the option", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const sent = [
      await statementsOf(() => options.setOption({ userId, key: "one", value: value(1) })),
      await statementsOf(() => options.setOption({ userId, key: "one", value: value(2) })),
      await statementsOf(() => options.setOption({ userId, key: "one", value: value(2), expireTime: { seconds: 4_000_000_000n } })),
    ];
    for (const statements of sent) expect(statements).toEqual([expect.stringContaining("store_option(")]);
  });

  many("BatchSetOptions of 1,000 users is as many as of one", async ({ clients, userIds }) => {
    const { options } = clients["grpc-js"];
    const entries = (ids: bigint[], json: string) => ids.map((userId) => ({ userId, key: "batch", value: value(json) }));
    // The first write of a process also looks whether its database is there.
    await options.batchSetOptions({ entries: entries(userIds.slice(0, 1), "warm") });
    const one = await statementsOf(() => options.batchSetOptions({ entries: entries(userIds.slice(0, 1), "a") }));
    const all = await statementsOf(() => options.batchSetOptions({ entries: entries(userIds, "b") }));
    const equal = await statementsOf(() => options.batchSetOptions({ entries: entries(userIds, "b") }));
    // begin, context and locks, users, savepoint, option and versions, commit.
    expect(one).toHaveLength(6);
    // The locks of many users are a statement of their own, and their token has the time.
    expect(all).toHaveLength(9);
    // What is equal is read, since the upsert leaves it alone.
    expect(equal).toHaveLength(10);
  });

  many("ApplyOptionChanges of 500 changes is as many as of two sets and a delete", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const set = (key: string) => ({ change: { case: "set" as const, value: { key, value: value(key) } } });
    const remove = (key: string) => ({ change: { case: "delete" as const, value: { key } } });
    const names = Array.from({ length: 250 }, (_, index) => `c${index}`);
    await options.applyOptionChanges({ userId, changes: names.map(set) });
    const few = await statementsOf(() => options.applyOptionChanges({ userId, changes: [remove("c0"), set("n0"), set("m0")] }));
    const many = await statementsOf(() =>
      options.applyOptionChanges({ userId, changes: names.slice(1).flatMap((name, index) => [remove(name), set(`n${index + 1}`)]) }),
    );
    expect(many).toHaveLength(few.length);
  });
});
