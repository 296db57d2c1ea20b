import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { actingAs, createProfile, createUser } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { get, keyOf, list, local, NOBODY } from "./asking.ts";
import { makerOf, type Shown, withoutSecrets } from "./maker.ts";

/** The cases of giving what a profile owns to another one. */
export const transferringCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  const references = kind.columns.filter(({ reference }) => reference?.isParent === false);

  test("goes to another profile, without what it refers to there", async ({ clients }) => {
    const [maker, heir] = [await makerOf(clients[clientKind], kind), await makerOf(clients[clientKind], kind)];
    const shown = withoutSecrets(kind, await maker.create());
    const { id, etag } = shown;
    const to = { id, toProfileId: heir.parentId };
    await maker.call("Transfer", { ...to, validateOnly: true });
    expect(await get(maker, id)).toEqual(shown);
    const request = { ...to, etag, requestId: crypto.randomUUID() };
    const answer = await maker.call("Transfer", request);
    const cleared = Object.fromEntries(references.map((column) => [local(column), undefined]));
    const moved = { ...shown, ...cleared, ownerProfileId: heir.parentId, etag: "2" };
    expect(answer[maker.field]).toEqual(moved);
    expect(await maker.call("Transfer", request)).toEqual(answer);
    const consistency = { mode: { case: "atLeastAsFresh", value: answer.consistencyToken } };
    expect([(await list(maker, { consistency })).rows, (await list(heir, { consistency })).rows]).toEqual([[], [moved]]);
    // To whom it belongs already, nothing changes.
    expect((await maker.call("Transfer", to))[maker.field]).toEqual(moved);
    expect((await expectRefusal(maker.call("Transfer", request && { ...to, etag }), "Aborted", "ETAG_MISMATCH")).info?.metadata).toEqual({
      etag: "2",
    });
  });

  test("does not go to a profile that has its key, or that is not there", async ({ clients }) => {
    const [maker, heir] = [await makerOf(clients[clientKind], kind), await makerOf(clients[clientKind], kind)];
    const { id, ...shown } = await maker.create();
    const columns = kind.keys[0]?.columns.filter(({ reference }) => reference === undefined) ?? [];
    if (columns.length > 0) await heir.create(keyOf(shown as unknown as Shown, columns));
    const taken = maker.call("Transfer", { id, toProfileId: heir.parentId });
    if (columns.length > 0)
      expect((await expectRefusal(taken, "AlreadyExists", "RESOURCE_TAKEN")).info?.metadata).toEqual({
        kind: kind.name,
        key: kind.keys[0]?.name,
      });
    else await taken;
    const absent = maker.call("Transfer", { id, toProfileId: NOBODY });
    expect((await expectRefusal(absent, "NotFound", "REFERENCE_NOT_FOUND")).fields).toEqual(["to_profile_id"]);
    await expectRefusal(maker.call("Transfer", { id: NOBODY, toProfileId: heir.parentId }), "NotFound", "RESOURCE_NOT_FOUND");
  });

  test("goes where the acting user owns both, it and what the other profile has", async ({ clients }) => {
    const client = clients[clientKind];
    const [maker, heir] = [await makerOf(client, kind), await makerOf(client, kind)];
    const { id } = await maker.create();
    const accountOf = async (profile: bigint) =>
      (await client.profiles.getProfile({ key: { case: "id", value: profile } })).profile?.accountId ?? 0n;
    const staff = await createUser(client, { isStaff: true });
    const transfer = () => maker.call("Transfer", { id, toProfileId: heir.parentId }, actingAs(staff.id));
    await expectRefusal(transfer(), "NotFound", "RESOURCE_NOT_FOUND");
    await createProfile(client, staff.id, await accountOf(maker.parentId));
    await expectRefusal(transfer(), "NotFound", "REFERENCE_NOT_FOUND");
    await createProfile(client, staff.id, await accountOf(heir.parentId));
    expect((await transfer())[maker.field]).toMatchObject({ id, ownerProfileId: heir.parentId });
    const member = await createUser(client);
    await createProfile(client, member.id, await accountOf(heir.parentId));
    const back = maker.call("Transfer", { id, toProfileId: maker.parentId }, actingAs(member.id));
    await expectRefusal(back, "NotFound", "RESOURCE_NOT_FOUND");
  });
};
