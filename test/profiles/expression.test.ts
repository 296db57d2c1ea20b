import fc from "fast-check";
import { describe, expect } from "vitest";
import type { UserProfile } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { canonicalName } from "../../src/names/canonical.ts";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { type Case, type CaseField, casesOf, combined, constants } from "../support/filter-cases.ts";
import { test as base, clientKinds } from "../support/service.ts";

const list = async ({ profiles }: Clients, expression: string, more: object = {}) =>
  (await profiles.listProfiles({ filter: { node: { case: "expression", value: expression } }, ...more })).profiles.map(({ id }) => id);

const tags = ["Ärger", "a", "x'y", "straße"];

/** Profiles of one account that differ. */
const test = base.extend("rows", { scope: "file" }, async ({ clients }): Promise<readonly UserProfile[]> => {
  const client = clients["grpc-js"];
  const { id: accountId } = await createAccount(client);
  const rows: UserProfile[] = [];
  for (let index = 0; index < 8; index += 1) {
    const made = await createProfile(client, (await createUser(client)).id, accountId, {
      name: ["", "Name%", "na_me", "Ärger"][index % 4] ?? "",
      description: ["", `ünder \\ "${unique()}"`][index % 2] ?? "",
      version: ["1.0.0", "2.0.0-a"][index % 2] ?? "",
      tags: tags.slice(0, index % 3),
      isTest: index % 3 === 0,
    });
    rows.push(made as UserProfile);
  }
  return rows;
});

const field = (name: string, type: CaseField<UserProfile>["type"], of: (row: UserProfile) => unknown): CaseField<UserProfile> => ({
  name,
  type,
  isNullable: false,
  of,
});

const allCases = (rows: readonly UserProfile[]): readonly Case<UserProfile>[] => [
  ...[
    field("id", "number", ({ id }) => id),
    field("user_id", "number", ({ userId }) => userId),
    field("account_id", "number", ({ accountId }) => accountId),
    field("name", "text", ({ name }) => name),
    field("description", "text", ({ description }) => description),
    field("version", "text", ({ version }) => version),
    field("is_test", "boolean", ({ isTest }) => isTest),
    field("create_time", "time", ({ createTime }) => createTime),
    field("update_time", "time", ({ updateTime }) => updateTime),
  ].flatMap((one) => casesOf(one, rows)),
  ...[...tags, "STRASSE", "none"].map((tag) => ({
    text: `${JSON.stringify(tag)} in tags`,
    isMet: (row: UserProfile) => row.tags.some((one) => canonicalName(one) === canonicalName(tag)),
  })),
  { text: "has(tags)", isMet: (row) => row.tags.length > 0 },
];

test("each term lists the profiles that meet it", async ({ clients, rows }) => {
  const here = `account_id == ${rows[0]?.accountId}`;
  for (const { text, isMet } of [...allCases(rows), ...constants]) {
    expect([text, await list(clients["grpc-js"], `${here} && ${text}`)]).toEqual([text, rows.filter(isMet).map(({ id }) => id)]);
  }
});

test("terms in groups list what a naive filter does, page by page in any order", { timeout: 120_000 }, async ({ clients, rows }) => {
  const client = clients["grpc-js"];
  const here = `account_id == ${rows[0]?.accountId}`;
  await fc.assert(
    fc.asyncProperty(combined(allCases(rows)), fc.boolean(), async ({ text, isMet }, isDescending) => {
      const expected = rows.filter(isMet).map(({ id }) => id);
      const filter = { node: { case: "expression" as const, value: `${here} && ${text}` } };
      const found: bigint[] = [];
      let pageToken = "";
      do {
        const page = await client.profiles.listProfiles({ filter, pageToken, pageSize: 3, orderBy: isDescending ? "id desc" : "" });
        found.push(...page.profiles.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(found).toEqual(isDescending ? expected.toReversed() : expected);
    }),
    { numRuns: 150 },
  );
});

describe.for(clientKinds)("an expression in a filter of profiles, through %s", { concurrent: true }, (kind) => {
  test("stands beside terms, in any group", async ({ clients, rows }) => {
    const { profiles } = clients[kind];
    const [first, second, third] = rows.map(({ id }) => id);
    const expression = (value: string) => ({ node: { case: "expression" as const, value } });
    const ids = (...some: (bigint | undefined)[]) => ({
      node: { case: "term" as const, value: { condition: { case: "id" as const, value: { ids: some.map((id = 0n) => id) } } } },
    });
    const find = async (group: "allOf" | "anyOf" | "noneOf", ...filters: object[]) => {
      const both = {
        node: { case: "allOf" as const, value: { filters: [ids(first, second, third), { node: { case: group, value: { filters } } }] } },
      };
      return (await profiles.listProfiles({ filter: both as never })).profiles.map(({ id }) => id);
    };
    expect(await find("allOf", expression(`id != ${first}`), ids(first, second))).toEqual([second]);
    expect(await find("anyOf", expression(`id == ${first}`), ids(second))).toEqual([first, second]);
    expect(await find("noneOf", expression(`id == ${first}`), ids(second))).toEqual([third]);
    expect(await find("allOf", expression(" "))).toEqual([first, second, third]);
    const { nextPageToken: pageToken } = await profiles.listProfiles({ filter: expression("id > 0"), pageSize: 1 });
    const another = profiles.listProfiles({ filter: expression("id > 1"), pageSize: 1, pageToken });
    await expectRefusal(another, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });

  test("that can't be read is refused with its place", async ({ clients }) => {
    for (const [text, says] of [
      [
        "is_test &&\n nothing",
        "filter at line 2, column 2: no field that filters can name; filters can name id, user_id, account_id, name",
      ],
      ["annotations == 1", "filter at line 1, column 1: no field"],
      ["1 in tags", "filter at line 1, column 1: there may be a text"],
      ["tags == 'a'", "filter at line 1, column 1: a list, which VALUE in LIST"],
      [Array(51).fill("is_test").join(" || "), "more than 50 terms"],
    ] as const) {
      const { error, fields } = await expectRefusal(list(clients[kind], text), "InvalidArgument", "FIELD_INVALID");
      expect(error.rawMessage).toContain(says);
      expect(fields).toEqual(["filter"]);
    }
    const filters = Array.from({ length: 2 }, () => ({
      node: { case: "expression" as const, value: Array(26).fill("is_test").join(" && ") },
    }));
    const many = clients[kind].profiles.listProfiles({ filter: { node: { case: "allOf", value: { filters } } } });
    await expectRefusal(many, "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(list(clients[kind], "x".repeat(4_097)), "InvalidArgument", "FIELD_INVALID");
  });

  test("that no index serves is refused, unless another term beside it is served", async ({ clients, rows }) => {
    const unserved = [
      ["version.contains('0.')", "line 1, column 8"],
      ["description.contains('ü')", "line 1, column 12"],
      ["name.contains('a') && !is_test", "line 1, column 5"],
      ["id == 1 ||\n name.contains('a')", "line 2, column 6"],
    ] as const;
    for (const [text, place] of unserved) {
      const { error, fields } = await expectRefusal(list(clients[kind], text), "FailedPrecondition", "QUERY_NOT_INDEXED");
      expect(error.rawMessage).toContain(`filter at ${place}: no index serves it`);
      expect(fields).toEqual(["filter"]);
    }
    const { id } = rows[1] as UserProfile;
    expect(await list(clients[kind], `id == ${id} && version.contains('0.')`)).toEqual([id]);
  });
});
