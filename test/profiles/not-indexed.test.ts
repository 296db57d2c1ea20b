import { sql } from "kysely";
import { expect } from "vitest";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import type { Condition, Filter } from "./naive-filter.ts";

const term = (condition: Condition): Filter => ({ node: { case: "term", value: { condition } } });
const join = (kind: "allOf" | "anyOf" | "noneOf", ...filters: Filter[]): Filter => ({ node: { case: kind, value: { filters } } as never });
const text = (name: "name" | "description" | "username" | "version", how: "equals" | "startsWith" | "contains", value: string): Filter =>
  term({ case: name, value: { match: { case: how, value } } });

test("a filter that no index serves is refused, unless another condition beside it is served", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: accountId } = await createAccount(client);
  const { id } = await createProfile(client, (await createUser(client)).id, accountId, { description: unique("a zz b") });
  const here = term({ case: "accountId", value: { ids: [accountId] } });
  const short = text("description", "contains", "zz");
  const list = async (filter: Filter) => (await client.profiles.listProfiles({ filter })).profiles.map((profile) => profile.id);
  for (const filter of [
    short,
    text("name", "contains", "%"),
    text("username", "startsWith", "ab"),
    text("version", "contains", "rc.1"),
    join("anyOf", here, short),
    join("allOf", short, text("name", "contains", "a")),
    join("allOf", join("anyOf", here, short), term({ case: "isTest", value: false })),
    join("noneOf", short),
    join("noneOf", join("noneOf", short)),
    join("noneOf", join("noneOf", here, short)),
    join("noneOf", here, join("noneOf", short)),
  ]) {
    const { error } = await expectRefusal(client.profiles.listProfiles({ filter }), "FailedPrecondition", "QUERY_NOT_INDEXED");
    expect(error.rawMessage).toContain("needs 3 characters");
  }
  expect(await list(join("allOf", here, short))).toEqual([id]);
  expect(await list(join("allOf", here, join("noneOf", short)))).toEqual([]);
  expect(await list(join("noneOf", join("noneOf", here), join("noneOf", short)))).toEqual([id]);
  expect(await list(join("allOf", here, join("anyOf", short, text("name", "contains", "x"))))).toEqual([id]);
  for (const filter of [text("name", "startsWith", unique()), text("description", "equals", ""), text("name", "contains", "")])
    await list(filter);
});

test("tags and text have their indexes", async ({ db, clients: _ }) => {
  const { rows } = await sql<{ indexname: string }>`
    select indexname from pg_indexes where indexname in
      ('user_profile_tag_index', 'account_tag_index', 'user_profile_text_index', 'account_name_index') order by 1`.execute(db.sql);
  expect(rows.map(({ indexname }) => indexname)).toEqual([
    "account_name_index",
    "account_tag_index",
    "user_profile_tag_index",
    "user_profile_text_index",
  ]);
});
