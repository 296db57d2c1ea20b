import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { expect } from "vitest";
import { type Kind, sealedOf, tokenOf } from "../../src/contract/kinds/kind.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { tokenHash } from "../../src/secrets/secret-token.ts";
import { createUser } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { get, list, local, NOBODY, update } from "./asking.ts";
import { anotherSecret, type Maker, makerOf, type Shown, withoutSecrets } from "./maker.ts";

/** Creates a resource; returns it as answers show it, and the token that only this answer has. */
const createWithToken = async (maker: Maker, fields: object = {}): Promise<{ readonly shown: Shown; readonly token: string }> => {
  const created = (await maker.call("Create", { [maker.field]: await maker.valid(fields) }))[maker.field] as Shown;
  return { shown: withoutSecrets(maker.kind, created), token: String(created[tokenOf(maker.kind)?.field.localName ?? ""]) };
};

/** What all RPCs that read answer of a resource. */
const answersOf = async (maker: Maker, id: bigint): Promise<readonly Shown[]> => {
  const batch = (await maker.call("BatchGet", { ids: [id] }))[maker.several] as readonly Shown[];
  return [await get(maker, id), ...batch, ...(await list(maker)).rows.filter((row) => row.id === id), await update(maker, { id })];
};

/** The cases of sealed fields: written, never answered, and revealed to who may know them. */
const sealedCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  const secrets = sealedOf(kind);
  const reveal = async (maker: Maker, id: bigint): Promise<Shown> => {
    const shown = (await maker.call("Reveal", { id }))[maker.field] as Shown;
    // One client has bytes in a class of its own.
    const asBytes = (value: unknown) => (value instanceof Uint8Array ? new Uint8Array(value) : value);
    return { ...shown, ...Object.fromEntries(secrets.map(({ field: { localName } }) => [localName, asBytes(shown[localName])])) };
  };

  test("has sealed fields that only Reveal answers, each time with a trace", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const sent = await maker.valid();
    const created = (await maker.call("Create", { [maker.field]: sent }))[maker.field] as Shown;
    const { id } = created;
    for (const { field } of secrets)
      for (const shown of [created, ...(await answersOf(maker, id))])
        expect([field.name, shown[field.localName]]).toEqual([field.name, undefined]);
    const given = Object.fromEntries(secrets.map(({ field }) => [field.localName, sent[field.localName]]));
    expect(await reveal(maker, id)).toEqual({ ...(await get(maker, id)), ...given });
    const { auditEntries } = await client.changes.listAuditEntries({ filter: { kinds: [kind.name] }, pageSize: 1_000 });
    const [entry] = auditEntries.filter(({ key }) => key === String(id));
    expect(entry).toMatchObject({ operation: AuditOperation.REVEAL, changedFields: secrets.map(({ name }) => name) });
    expect((await get(maker, id)).etag).toBe("1");
    await expectRefusal(reveal(maker, NOBODY), "NotFound", "RESOURCE_NOT_FOUND");
  });

  test("has sealed fields that change by the mask; equal values change nothing, and an absent one stays", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { id } = await maker.create();
    for (const secret of secrets) {
      const { localName, name } = secret.field;
      const before = await reveal(maker, id);
      const value = anotherSecret(secret);
      const changed = await update(maker, { id, [localName]: value }, [name]);
      expect(changed.etag).toBe(String(Number(before.etag) + 1));
      const after = { ...before, [localName]: value, etag: changed.etag };
      expect(await reveal(maker, id)).toEqual(after);
      expect(await update(maker, { id, [localName]: value })).toEqual(changed);
      expect(await update(maker, { ...changed, etag: "" }, ["*"])).toEqual(changed);
      expect(await reveal(maker, id)).toEqual(after);
      if (secret.isRequired) {
        expect((await expectRefusal(update(maker, { id }, [name]), "InvalidArgument", "FIELD_INVALID")).fields).toEqual([
          `${kind.name}.${name}`,
        ]);
        await expectRefusal(maker.create({ [localName]: undefined }), "InvalidArgument", "FIELD_INVALID");
      } else {
        await update(maker, { id }, [name]);
        expect((await reveal(maker, id))[localName]).toBeUndefined();
      }
    }
  });

  test("has sealed values that no other row, field or key can be given", async ({ clients, db }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const [one, other] = [await maker.create(), await maker.create()];
    for (const { name, field } of secrets) {
      const column = sql.ref(name);
      await sql`update ${sql.table(kind.table)} t set ${column} = o.${column} from ${sql.table(kind.table)} o where t.id = ${one.id} and o.id = ${other.id}`.execute(
        db.sql,
      );
      await expectRefusal(reveal(maker, one.id), "FailedPrecondition", "SECRET_UNREADABLE");
      const value = anotherSecret(sealedOf(kind).find((secret) => secret.name === name) ?? { isBytes: false });
      await update(maker, { id: one.id, [field.localName]: value });
      expect((await reveal(maker, one.id))[field.localName]).toEqual(value);
    }
  });

  test("is revealed to who owns it, while it is not deleted", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const { id } = await maker.create();
    const user = (await createUser(client)).id;
    const asUser = { headers: { "x-acting-user-id": String(user) } };
    await expectRefusal(maker.call("Reveal", { id }, asUser), "NotFound", "RESOURCE_NOT_FOUND");
    if (!kind.isSoft) return;
    await maker.call("Delete", { id });
    await expectRefusal(reveal(maker, id), "FailedPrecondition", "RESOURCE_DELETED");
  });
};

/** The cases of tokens: made by the service, shown once, and verified. */
const tokenCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  const hashed = tokenOf(kind);
  if (hashed === undefined) return;
  const { prefix, lastCharacters, lastUsed, ends, active } = hashed.token;
  const verify = async (maker: Maker, token: string): Promise<Shown> => (await maker.call("Verify", { token }))[maker.field] as Shown;
  const expectUnknown = async (maker: Maker, token: string) => {
    const { error, info } = await expectRefusal(verify(maker, token), "NotFound", "RESOURCE_NOT_FOUND");
    return [error.rawMessage, info?.metadata];
  };
  /** Fields with which a token is valid. */
  const valid = {
    ...Object.fromEntries(ends.map((column) => [local(column), undefined])),
    ...(active !== undefined && { [local(active)]: true }),
  };

  test("has a token that Create alone answers, also to a retry, and Verify knows", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const request = { [maker.field]: await maker.valid(valid), requestId: crypto.randomUUID() };
    const checked = (await maker.call("Create", { ...request, validateOnly: true, requestId: "" }))[maker.field] as Shown;
    expect(checked[hashed.field.localName]).toBeUndefined();
    const created = (await maker.call("Create", request))[maker.field] as Shown;
    const token = String(created[hashed.field.localName]);
    expect(token).toMatch(new RegExp(`^${prefix}[A-Za-z0-9_-]{43}$`));
    if (lastCharacters !== undefined) expect(created[local(lastCharacters)]).toBe(token.slice(-4));
    expect(((await maker.call("Create", request))[maker.field] as Shown)[hashed.field.localName]).toBe(token);
    for (const shown of await answersOf(maker, created.id)) expect(shown[hashed.field.localName]).toBeUndefined();
    expect((await verify(maker, token)).id).toBe(created.id);
    expect((await verify(maker, token)).id).toBe(created.id);
    const other = await createWithToken(maker, valid);
    expect(other.token).not.toBe(token);
    expect((await verify(maker, other.token)).id).toBe(other.shown.id);
  });

  test("has a token that is unknown once it has ended, or its resource is deleted: one error, whichever it is", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const errors = [await expectUnknown(maker, `${prefix}${"a".repeat(43)}`), await expectUnknown(maker, "?")];
    const moments = [timestampFromMs(Date.now() + 60_000), timestampFromMs(Date.now() - 1)] as const;
    for (const column of ends) {
      const { shown, token } = await createWithToken(maker, { ...valid, [local(column)]: moments[0] });
      expect((await verify(maker, token)).id).toBe(shown.id);
      await update(maker, { id: shown.id, [local(column)]: moments[1] });
      errors.push(await expectUnknown(maker, token));
    }
    if (active !== undefined) {
      const { shown, token } = await createWithToken(maker, valid);
      await update(maker, { id: shown.id, [local(active)]: false });
      errors.push(await expectUnknown(maker, token));
    }
    const deleted = await createWithToken(maker, valid);
    await maker.call("Delete", { id: deleted.shown.id });
    errors.push(await expectUnknown(maker, deleted.token));
    const { token } = await createWithToken(maker, valid);
    if (kind.belongsTo?.to === "profile") {
      const { profile } = await client.profiles.getProfile({ key: { case: "id", value: maker.organizationId } });
      await client.users.updateUser({ user: { id: profile?.userId ?? 0n, isActive: false } });
    } else await client.organizations.deleteOrganization({ id: maker.organizationId });
    errors.push(await expectUnknown(maker, token));
    expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
    await expectRefusal(verify(maker, ""), "InvalidArgument", "FIELD_INVALID");
  });

  if (lastUsed === undefined) return;
  test("shows when its token was verified last, within a minute, and has no further trace of that", async ({ clients, db }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { shown, token } = await createWithToken(maker, valid);
    expect(shown[local(lastUsed)]).toBeUndefined();
    const trace = async () => {
      const changes = await sql`select count(*) from changes where kind = ${kind.name} and key = ${String(shown.id)}`.execute(db.sql);
      // Another kind of aggregate can have the same id.
      const owner = kind.belongsTo?.to === "profile" ? "profile" : "organization";
      const versions =
        await sql`select kind, version from aggregate_version where kind in (${owner}, ${`kinds:${owner}`}) and id = ${maker.organizationId} order by kind`.execute(
          db.sql,
        );
      return [changes.rows, versions.rows];
    };
    const before = await trace();
    const first = await verify(maker, token);
    expect(first).toEqual({ ...shown, [local(lastUsed)]: expect.anything() as object });
    expect(await verify(maker, token)).toEqual(first);
    expect(await get(maker, shown.id)).toEqual(first);
    const hash = tokenHash(token);
    const age = sql`update ${sql.table(kind.table)} set ${sql.ref(lastUsed.name)} = ${sql.ref(lastUsed.name)} - interval '61 seconds' where ${sql.ref(hashed.name)} = ${hash}`;
    await age.execute(db.sql);
    const aged = await get(maker, shown.id);
    expect(aged).not.toEqual(first);
    // Another write has the row: the token is verified all the same, and nobody waits. PGlite has one connection, which that write holds.
    if (db.kind === "postgres")
      await db.sql.transaction().execute(async (tx) => {
        await sql`select from ${sql.table(kind.table)} where id = ${shown.id} for update`.execute(tx);
        expect(await verify(maker, token)).toEqual(aged);
      });
    const again = await verify(maker, token);
    expect(again).not.toEqual(aged);
    expect(await get(maker, shown.id)).toEqual(again);
    expect(await trace()).toEqual(before);
  });
};

/** The cases of a kind's secrets, from its descriptor. */
export const secretCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  if (sealedOf(kind).length > 0) sealedCases(test, clientKind, kind);
  tokenCases(test, clientKind, kind);
};
