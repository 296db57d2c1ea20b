import { expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { createAccount, createProfile, createUser } from "../support/build.ts";
import { test } from "../support/pglite.ts";

test("profiles, access and resources work on the embedded database too", { timeout: 180_000 }, async ({ clients }) => {
  const { users, profiles } = clients["grpc-js"];
  const { id: accountId } = await createAccount(clients["grpc-js"], { isPlatform: true, tags: ["A", "b"], annotations: [{ k: [1] }] });
  const [staff, regular] = [await createUser(clients["grpc-js"], { isStaff: true }), await createUser(clients["grpc-js"])];
  const admin = await createProfile(clients["grpc-js"], staff.id, accountId, { name: "admin", tags: ["T"] });
  const peer = await createProfile(clients["grpc-js"], regular.id, accountId);
  expect((await profiles.getProfile({ key: { case: "id", value: admin.id }, withUser: true, withAccount: true })).profile).toMatchObject({
    tags: ["T"],
    user: { id: staff.id },
    account: { tags: ["A", "b"], annotations: [{ k: [1] }] },
  });
  await profiles.registerResources({ resources: [admin, peer].map(({ id }) => ({ kind: "plugin", ownerProfileId: id, name: "x" })) });
  const owned = () => profiles.listResources({ kind: "plugin", userId: staff.id, relation: AccessRelation.OWN });
  expect((await owned()).resources.map(({ ownerProfileId }) => ownerProfileId)).toEqual([admin.id, peer.id]);
  const before = await profiles.getAccessScope({ userId: regular.id });
  expect(before.scope).toMatchObject({ case: "set", value: { profileIds: [admin.id, peer.id] } });
  await users.updateUser({ user: { id: staff.id, isStaff: false } });
  const after = await profiles.getAccessScope({ userId: regular.id });
  expect(after.scope).toMatchObject({ case: "set", value: { profileIds: [peer.id] } });
  expect(after.revision).toBeGreaterThan(before.revision);
  expect((await owned()).resources).toHaveLength(1);
  const filter = { node: { case: "term" as const, value: { condition: { case: "tag" as const, value: "t" } } } };
  expect((await profiles.listProfiles({ filter, orderBy: "name desc" })).profiles).toMatchObject([{ id: admin.id }]);
});
