import { expect } from "vitest";
import { loadProfiles } from "../../bench/generator/profiles.ts";
import { plansOf } from "../support/plans.ts";
import { test as base } from "../support/service.ts";

/** 20,000 profiles, so that reading all is never the cheapest. */
const test = base.extend("loaded", { scope: "file" }, async ({ databaseUrl, clients: _ }) => loadProfiles(databaseUrl, 20_000));

test("filters of profiles are served by indexes", { timeout: 60_000 }, async ({ databaseUrl, clients, loaded: _ }) => {
  const indexes: Readonly<Record<string, string>> = {
    "id == 7": "user_profile_pkey",
    "id > 19990": "user_profile_pkey",
    "user_id in [7, 8]": "user_profile_key",
    "account_id == 7": "user_profile_account_index",
    'name == "nobody"': "user_profile_",
    'name.startsWith("Nobody")': "user_profile_",
    'name.contains("nowhere")': "user_profile_text_index",
    'description.contains("nowhere")': "user_profile_text_index",
    '"absent" in tags': "user_profile_tag_index",
    is_test: "user_profile_test_index",
    "is_test == true": "user_profile_test_index",
    "!(is_test == false)": "user_profile_test_index",
    'version.contains("9") && "rare-7" in tags': "user_profile_tag_index",
    '"absent" in tags || description.contains("nowhere") || user_id == 7': "user_profile_tag_index",
    "is_test == false": "user_profile_pkey",
    'version == "1.0.0"': "user_profile_pkey",
    '!("absent" in tags)': "user_profile_pkey",
  };
  for (const [value, index] of Object.entries(indexes)) {
    const plans = await plansOf(databaseUrl, () =>
      clients["grpc-js"].profiles.listProfiles({ filter: { node: { case: "expression", value } } }),
    );
    expect(plans, value).toHaveLength(1);
    expect(plans[0], value).toContain(` ${index}`);
    expect(plans[0], value).not.toContain("Seq Scan");
  }
});

test("alternatives of users and profiles are served by the indexes of each", { timeout: 60_000 }, async ({
  databaseUrl,
  clients,
  loaded: _,
}) => {
  const contains = (name: string) => ({
    node: {
      case: "term" as const,
      value: { condition: { case: name, value: { match: { case: "contains" as const, value: "nowhere" } } } },
    },
  });
  const filters = [contains("username"), { node: { case: "expression" as const, value: '"absent" in tags' } }];
  const filter = { node: { case: "anyOf" as const, value: { filters } } };
  const [plan, ...others] = await plansOf(databaseUrl, () => clients["grpc-js"].profiles.listProfiles({ filter: filter as never }));
  expect(others).toEqual([]);
  for (const index of ["user_search_lines_index", "user_profile_tag_index", "user_profile_key"]) expect(plan).toContain(index);
  expect(plan).not.toMatch(/Seq Scan on (user_profile|users|user_search)/);
});
