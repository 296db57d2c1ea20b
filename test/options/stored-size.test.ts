import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { AuthenticatorType } from "../../src/gen/userd/v1/authenticator_pb.ts";
import { storedBytes } from "../../src/options/value.ts";
import { createAccount, createOrganization, createProfile, createUser, unique, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { anyJson } from "./any-json.ts";

/** A list whose members PostgreSQL writes out to hundreds of digits: 63 kB that are 2.8 MB. */
const expanding = (member: number, count = 9_000): JsonValue => Array<number>(count).fill(member);

describe("the size of a value is what PostgreSQL stores and sends", () => {
  test("storedBytes is the length of PostgreSQL's text, whatever the value", async ({ db }) => {
    const drawn = fc.sample(anyJson, 300);
    const edges = [1e21, 1e-6, 1e-7, -1e308, 5e-324, 1.5e-9, -123456789.5e40, 2 ** 1023, 1e20, 0, "\u0001\u007f\n\\", {}, [], [[]]];
    const texts = [...drawn, ...edges].map((json) => JSON.stringify(json));
    const { rows } = await sql<{ bytes: number }>`
      select octet_length(t::jsonb::text) as bytes from unnest(${texts}::text[]) with ordinality as w (t, position) order by position`.execute(
      db.sql,
    );
    expect(texts.map((text) => storedBytes(JSON.parse(text) as JsonValue))).toEqual(rows.map(({ bytes }) => bytes));
  });

  test("a value that jsonb expands is refused in every field that holds JSON", async ({ clients }) => {
    const all = clients["grpc-js"];
    const { id: userId } = await createUser(all);
    const { id: accountId } = await createAccount(all);
    const { id: organizationId } = await createOrganization(all);
    const { id: profileId } = await createProfile(all, userId, accountId);
    const { provider } = await all.users.createIdentityProvider({ provider: { type: "github", externalId: unique() } });
    const large = value(expanding(1e308));
    const writes = {
      option: () => all.options.setOption({ userId, key: "k", value: large }),
      "small numbers": () => all.options.setOption({ userId, key: "k", value: value(expanding(1e-300)) }),
      "change set": () =>
        all.options.applyOptionChanges({ userId, changes: [{ change: { case: "set", value: { key: "k", value: large } } }] }),
      "scope option": () => all.options.setScopeOption({ target: { case: "projectId", value: 7n }, key: "k", value: large }),
      "default value": () => all.options.getOption({ userId, key: "k", defaultValue: large }),
      annotations: () => all.profiles.updateProfile({ profile: { id: profileId, annotations: [{ a: expanding(1e308) }] } }),
      "annotations of an account": () => all.profiles.updateAccount({ account: { id: accountId, annotations: [{ a: expanding(1e308) }] } }),
      "data of an identity": () => all.users.linkIdentity({ userId, providerId: provider?.id ?? 0n, externalId: "e", data: large }),
      "config of a provider": () => all.users.createIdentityProvider({ provider: { type: "github", externalId: unique(), config: large } }),
      "config of an auth provider": () => all.users.createAuthProvider({ provider: { organizationId, provider: "saml2", config: large } }),
      "config of an authenticator": () => all.users.addAuthenticator({ userId, type: AuthenticatorType.TOTP, config: large }),
    };
    for (const [what, write] of Object.entries(writes)) {
      const { error } = await expectRefusal(write(), "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
      expect(error.rawMessage, what).toMatch(/is larger than 65536 bytes/);
    }
    const { results } = await all.options.batchSetOptions({ entries: [{ userId, key: "k", value: large }] });
    expect(results[0]?.result).toMatchObject({ case: "error", value: { code: 3 } });
    expect((await all.options.listOptions({ userId, allScopes: true })).options).toEqual([]);
  });

  test("at the bound: 210 times 1e308 is taken and read back, 211 times is refused", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const { option } = await options.setOption({ userId, key: "k", value: value(expanding(1e308, 210)) });
    expect((await options.getOption({ userId, key: "k" })).value).toEqual(option?.value);
    const { rows } = await sql<{ bytes: number }>`select bytes from user_option where user_id = ${userId}`.execute(db.sql);
    expect(rows).toEqual([{ bytes: 210 * 311 }]);
    await expectRefusal(
      options.setOption({ userId, key: "k", value: value(expanding(1e308, 211)) }),
      "InvalidArgument",
      "OPTION_VALUE_TOO_LARGE",
    );
  });

  test.for([
    ["large", "OPTION_VALUE_TOO_LARGE", JSON.stringify(expanding(1e308))],
    ["deep", "OPTION_VALUE_TOO_DEEP", `${"[".repeat(25)}${"]".repeat(25)}`],
  ] as const)("a revision that was too %s all along is not restored", async ([, reason, json], { clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await sql`insert into user_option (user_id, scope_kind, scope_id, key, value)
      values (${userId}, 0, 0, 'k', ${json}::jsonb)`.execute(db.sql);
    const { revisions } = await options.listOptionRevisions({ userId, key: "k" });
    const restored = options.restoreOption({ userId, key: "k", revisionId: revisions[0]?.revisionId ?? 0n });
    await expectRefusal(restored, "InvalidArgument", reason);
  });
});
