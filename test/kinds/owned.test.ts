import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createAccount, createProfile, createUser } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { get } from "./asking.ts";
import { isOwned, makerOf } from "./maker.ts";

const { RESTRICT, TRANSFER, CASCADE } = DeleteProfileMode;
const owned = kinds.filter(isOwned);
const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as Kind;

/** A profile in an account of its own, and what makes resources of each kind for it. */
const createOwner = async (clients: Clients) => {
  const { id: userId } = await createUser(clients);
  const { id } = await createProfile(clients, userId, (await createAccount(clients)).id);
  const makers = await Promise.all(owned.map((kind) => makerOf(clients, kind, id)));
  return { id, userId, makers };
};

test("P15 a profile that owns resources of kinds is not deleted with RESTRICT, which counts them with those of other services", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const { id } = await createProfile(client, (await createUser(client)).id, (await createAccount(client)).id);
  const connections = await makerOf(client, kindOf("connection"), id);
  for (let n = 0; n < 2; n++) await connections.create();
  await client.profiles.registerResources({ resources: ["connection", "cell"].map((kind) => ({ kind, ownerProfileId: id, name: "x" })) });
  for (const mode of [RESTRICT, DeleteProfileMode.UNSPECIFIED]) {
    const { info } = await expectRefusal(client.profiles.deleteProfile({ id, mode }), "FailedPrecondition", "PROFILE_HAS_RESOURCES");
    expect(info?.metadata).toEqual({ resources: "7", "resources.secret": "3", "resources.connection": "3", "resources.cell": "1" });
  }
  await client.profiles.deleteProfile({ id, mode: CASCADE });
  expect((await connections.call("BatchGet", { ids: [1n, 2n] }))["connections"]).toEqual([]);
});

test("P15 deleting a profile with TRANSFER gives the resources of all kinds to the other one, with what they refer to", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const [{ id, makers }, heir] = [await createOwner(client), await createOwner(client)];
  const made = await Promise.all(makers.map(async (maker) => ({ maker, shown: await maker.create() })));
  const deletion = { id, mode: TRANSFER, transferToProfileId: heir.id };
  const first = makers[0];
  const there = heir.makers[0];
  const [taken] = made;
  const name = { name: taken?.shown["name"] };
  const other = await there?.create(name);
  expect((await expectRefusal(client.profiles.deleteProfile(deletion), "AlreadyExists", "RESOURCE_TAKEN")).info?.metadata).toEqual({
    kind: first?.kind.name,
    key: "name",
  });
  await there?.call("Delete", { id: other?.id });
  await client.profiles.deleteProfile(deletion);
  for (const { maker, shown } of made) {
    expect(await get(maker, shown.id)).toEqual({ ...shown, ownerProfileId: heir.id, ...(!maker.kind.isLarge && { etag: "2" }) });
    const { auditEntries } = await client.changes.listAuditEntries({ filter: { kinds: [maker.kind.name] }, pageSize: 1_000 });
    const operations = auditEntries.filter(({ key }) => key === String(shown.id)).map(({ operation }) => operation);
    const logged = [AuditOperation.INSERT, AuditOperation.INSERT, AuditOperation.DELETE];
    expect(operations.toSorted()).toEqual(maker.kind.isLarge ? [] : logged.toSorted());
  }
});

test("P15 with CASCADE, and with a purge of the user, resources of all kinds go, and each is in the change log", async ({ clients }) => {
  const client = clients["grpc-js"];
  const ends = [
    ({ id }: { readonly id: bigint }) => client.profiles.deleteProfile({ id, mode: CASCADE }),
    ({ userId }: { readonly userId: bigint }) => client.users.purgeUser({ id: userId }),
  ];
  for (const end of ends) {
    const owner = await createOwner(client);
    const made = await Promise.all(owner.makers.map(async (maker) => ({ maker, id: (await maker.create()).id })));
    await end(owner);
    for (const { maker, id } of made) {
      await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
      const { auditEntries } = await client.changes.listAuditEntries({ filter: { kinds: [maker.kind.name] }, pageSize: 1_000 });
      const operations = auditEntries.filter(({ key }) => key === String(id)).map(({ operation }) => operation);
      expect(operations).toEqual(maker.kind.isLarge ? [] : [AuditOperation.DELETE, AuditOperation.INSERT]);
    }
  }
});

test("a profile that is deleted while resources are made for it leaves none behind, and no call fails in another way", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const plugins = kindOf("plugin");
  for (let round = 0; round < 5; round++) {
    const { id } = await createProfile(client, (await createUser(client)).id, (await createAccount(client)).id);
    const maker = await makerOf(client, plugins, id);
    const sent = await Promise.all([1, 2, 3, 4].map(() => maker.valid()));
    const reasonOf = (call: Promise<unknown>) =>
      call.then(
        () => "done",
        (error: { readonly code: number }) => error.code,
      );
    const [deleted, ...created] = await Promise.all([
      reasonOf(client.profiles.deleteProfile({ id, mode: CASCADE })),
      ...sent.map((plugin) => reasonOf(maker.call("Create", { plugin }))),
    ]);
    expect([deleted, created.filter((one) => one !== "done" && one !== 5)]).toEqual(["done", []]);
    await expectRefusal(maker.call("List", { ownerProfileId: id }), "NotFound", "REFERENCE_NOT_FOUND");
  }
});
