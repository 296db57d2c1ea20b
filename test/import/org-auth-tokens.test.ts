import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { expect } from "vitest";
import { serviceWith } from "../options/service-with.ts";
import { expectRefusal } from "../support/errors.ts";
import { all, countsOf, importRecords, rowsOf, test } from "./fixture.ts";

const MODEL = "sentry.orgauthtoken";
const sample = readFileSync(new URL("./samples/kinds-24.3.json", import.meta.url), "utf8");
const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");

const organization = { model: "sentry.organization", pk: 1, fields: { name: "Org", slug: "org", status: 0, flags: "0" } };
const token = (pk: number, fields: object = {}) => ({
  model: MODEL,
  pk,
  fields: {
    ...{
      organization_id: 1,
      name: `T ${pk}`,
      token_hashed: sha256(`sntrys_${pk}`),
      token_last_characters: "abcd",
      scope_list: "['org:ci']",
    },
    ...fields,
  },
});

test("tokens of organizations go on being verified once they are imported", async ({ own: db, ownUrl }) => {
  const used = token(2, { date_last_used: "2024-01-04T03:04:05.678Z", scope_list: '["org:ci", "project:read"]' });
  const deactivated = token(3, { date_deactivated: "2024-01-04T03:04:05.678Z", scope_list: "[]" });
  const file = [organization, token(1), used, deactivated];
  expect(countsOf(await importRecords(db, file), MODEL)).toEqual(all("created", 3));
  await using service = await serviceWith(ownUrl, {});
  const { verifyOrgAuthToken } = service.families["CredentialService"] as unknown as {
    readonly verifyOrgAuthToken: (request: object) => Promise<{ orgAuthToken: object }>;
  };
  expect(await verifyOrgAuthToken({ token: "sntrys_1" })).toMatchObject({
    orgAuthToken: { id: 1n, organizationId: 1n, name: "T 1", lastCharacters: "abcd", scopes: "org:ci" },
  });
  expect(await verifyOrgAuthToken({ token: "sntrys_2" })).toMatchObject({ orgAuthToken: { id: 2n, scopes: "org:ci project:read" } });
  await expectRefusal(verifyOrgAuthToken({ token: "sntrys_3" }), "NotFound", "RESOURCE_NOT_FOUND");

  // That they were verified here is no change, and is later than what the file says.
  const stored = sql`select id, last_used_time from org_auth_token order by id`;
  const before = await rowsOf(db, stored);
  expect(countsOf(await importRecords(db, [organization, used]), MODEL)).toEqual(all("unchanged", 1));
  expect(await rowsOf(db, stored)).toEqual(before);
});

test("a token never changes by an import, and is no other's", async ({ own: db }) => {
  await importRecords(db, [organization, token(1), token(2)]);
  const hashes = sql`select id, encode(token, 'hex') as hash, last_characters from org_auth_token order by id`;
  const before = await rowsOf(db, hashes);
  const other = token(1, { token_hashed: sha256("other"), token_last_characters: "wxyz" });
  const changed = await importRecords(db, [organization, other], { overwrite: true });
  expect(changed.notes.map(({ reason }) => reason)).toContain("it never changes, and stays as it is here");
  const taken = await importRecords(db, [
    organization,
    token(3, { token_hashed: sha256("sntrys_1") }),
    token(4),
    token(5, { token_hashed: sha256("sntrys_4") }),
  ]);
  expect(taken.skipped.map(({ reason }) => reason).toSorted()).toEqual(
    ["another one here has its token", "another record of the file has its token"].toSorted(),
  );
  expect(await rowsOf(db, hashes)).toEqual([...before, { id: "4", hash: sha256("sntrys_4"), last_characters: "abcd" }]);
});

test("what is no SHA-256 is not imported, as in the export of Sentry's own tests", async ({ own: db }) => {
  const report = await importRecords(db, sample);
  expect(countsOf(report, MODEL)).toMatchObject({ created: 0, skipped: 1 });
  const reasons = report.skipped.map(({ reason }) => reason);
  expect(reasons).toContain("token_hashed is no SHA-256 in hex: nobody could use the token");
  const missing = await importRecords(db, [organization, token(1, { token_hashed: null }), token(2, { scope_list: "['a b', 7]" })]).catch(
    String,
  );
  expect(missing).toContain("scope_list must be text");
});
