import { expect } from "vitest";
import { unique, uniqueId } from "../support/build.ts";
import { test } from "../support/service.ts";

test("the first write of an aggregate moves its version, and so does every other", async ({ clients, db }) => {
  const { users } = clients["grpc-js"];
  const organizationId = uniqueId();
  const version = async (kind: string, id: bigint): Promise<bigint | undefined> =>
    (await db.sql.selectFrom("aggregate_version").select("version").where("kind", "=", kind).where("id", "=", id).executeTakeFirst())
      ?.version;
  expect(await version("organization", organizationId)).toBeUndefined();
  await users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  expect(await version("organization", organizationId)).toBe(1n);
  const name = unique("role");
  await users.createRole({ role: { name, permissions: ["a.a"] } });
  expect(await version("roles", 0n)).toBe(1n);
  await users.updateRole({ role: { name, permissions: ["b.b"] } });
  expect(await version("roles", 0n)).toBe(2n);
  await users.updateRole({ role: { name, permissions: ["b.b"] } });
  expect(await version("roles", 0n)).toBe(2n);
});
