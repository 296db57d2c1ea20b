import { describe, expect } from "vitest";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { buildUser, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const byExternalId = (value: string) => ({ key: { case: "externalId" as const, value } });

describe.for(clientKinds)("external ids, through %s", { concurrent: true }, (kind) => {
  test("an external id is unique, compared exactly, and finds its user", async ({ clients }) => {
    const { users } = clients[kind];
    const externalId = unique("Ext-");
    const { id } = await createUser(clients[kind], { externalId });
    await expectRefusal(users.createUser({ user: buildUser({ externalId }) }), "AlreadyExists", "EXTERNAL_ID_TAKEN");
    const other = await createUser(clients[kind], { externalId: externalId.toLowerCase() });
    const { results } = await users.lookupUsers({ keys: [externalId, externalId.toLowerCase(), `${externalId} `].map(byExternalId) });
    expect(results).toMatchObject([
      { status: LookupStatus.FOUND, user: { id, externalId } },
      { status: LookupStatus.FOUND, user: { id: other.id } },
      { status: LookupStatus.NOT_FOUND },
    ]);
    expect((await users.getUser({ id })).user?.externalId).toBe(externalId);
    expect((await createUser(clients[kind], { externalId: "" })).externalId).toBeUndefined();
    for (const wrong of ["x".repeat(201), "a\0b"]) {
      await expectRefusal(users.createUser({ user: buildUser({ externalId: wrong }) }), "InvalidArgument", "FIELD_INVALID");
    }
    await expectRefusal(users.lookupUsers({ keys: [byExternalId("")] }), "InvalidArgument", "FIELD_INVALID");
  });

  test("UpdateUser changes and removes it, and look-ups see that by the token of the write", async ({ clients }) => {
    const { users } = clients[kind];
    const [first, second] = [unique("ext-"), unique("ext-")];
    const { id } = await createUser(clients[kind], { externalId: first });
    const taken = await createUser(clients[kind], { externalId: unique("ext-") });
    const statusOf = async (externalId: string, value: string) => {
      const consistency = { mode: { case: "atLeastAsFresh" as const, value } };
      return (await users.lookupUsers({ keys: [byExternalId(externalId)], consistency })).results[0]?.status;
    };
    expect((await users.lookupUsers({ keys: [first, second].map(byExternalId) })).results).toMatchObject([
      { status: LookupStatus.FOUND },
      { status: LookupStatus.NOT_FOUND },
    ]);
    const { user, consistencyToken } = await users.updateUser({ user: { id, externalId: second } });
    expect(user?.externalId).toBe(second);
    expect(await statusOf(first, consistencyToken)).toBe(LookupStatus.NOT_FOUND);
    expect(await statusOf(second, consistencyToken)).toBe(LookupStatus.FOUND);
    await expectRefusal(users.updateUser({ user: { id, externalId: taken.externalId ?? "" } }), "AlreadyExists", "EXTERNAL_ID_TAKEN");
    const removed = await users.updateUser({ user: { id }, updateMask: { paths: ["external_id"] } });
    expect(removed.user?.externalId).toBeUndefined();
    expect(await statusOf(second, removed.consistencyToken)).toBe(LookupStatus.NOT_FOUND);
  });

  test("a deleted user keeps its external id until it is purged", async ({ clients }) => {
    const { users } = clients[kind];
    const externalId = unique("ext-");
    const { id } = await createUser(clients[kind], { externalId });
    const find = async (value: string) => {
      const consistency = { mode: { case: "atLeastAsFresh" as const, value } };
      return (await users.lookupUsers({ keys: [byExternalId(externalId)], consistency })).results[0];
    };
    expect(await find((await users.deleteUser({ id })).consistencyToken)).toMatchObject({ status: LookupStatus.DELETED, userIds: [id] });
    await expectRefusal(users.createUser({ user: buildUser({ externalId }) }), "AlreadyExists", "EXTERNAL_ID_TAKEN");
    expect(await find((await users.purgeUser({ id })).consistencyToken)).toMatchObject({ status: LookupStatus.NOT_FOUND });
    await createUser(clients[kind], { externalId });
  });

  test("batches and imports keep external ids and refuse those that are taken, each user for itself", async ({ clients }) => {
    const { users } = clients[kind];
    const [taken, fresh, imported] = [unique("ext-"), unique("ext-"), unique("ext-")];
    await createUser(clients[kind], { externalId: taken });
    const { results } = await users.batchCreateUsers({ users: [buildUser({ externalId: taken }), buildUser({ externalId: fresh })] });
    expect(results).toMatchObject([
      { result: { value: { code: 6, message: "The external id is another user's." } } },
      { result: { value: { externalId: fresh } } },
    ]);
    const twice = [buildUser({ externalId: imported }), buildUser({ externalId: imported })];
    await expectRefusal(users.batchCreateUsers({ users: twice }), "InvalidArgument", "DUPLICATE_ENTRY");
    const lines = async function* () {
      for (const user of twice) yield { user };
    };
    expect(await users.importUsers(lines())).toMatchObject({ created: 1n, failed: 1n, failures: [{ line: 2n, error: { code: 6 } }] });
    expect((await users.lookupUsers({ keys: [byExternalId(imported)] })).results).toMatchObject([{ status: LookupStatus.FOUND }]);
  });
});

test("a look-up by external id is one statement, and a hit none", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const externalId = unique("ext-");
  const { id } = await createUser(clients["grpc-js"], { externalId });
  const look = async () =>
    expect((await users.lookupUsers({ keys: [byExternalId(externalId)] })).results).toMatchObject([{ user: { id } }]);
  expect(await statementsOf(look)).toHaveLength(1);
  expect(await statementsOf(look)).toHaveLength(0);
  expect(await statementsOf(() => users.getUser({ id, view: 1 }))).toHaveLength(0);
});
