import { expect } from "vitest";
import { type Kind, tokenOf } from "../../src/contract/kinds/kind.ts";
import { camelCase } from "../../src/contract/kinds/methods.ts";
import { expectRefusal } from "../support/errors.ts";
import { badValues, changeable, get, keyOf, list, local, NOBODY, plainColumns, update } from "./asking.ts";
import { anotherValue, type Maker, type Shown, withoutSecrets } from "./maker.ts";

/** Checks that a resource reads the same by its id, by each key, in a batch and in a list, as another client has it. */
const readEverywhere = async (maker: Maker, shown: Shown): Promise<void> => {
  const { kind, field, several, call } = maker;
  expect(await get(maker, shown.id)).toEqual(shown);
  for (const { name, columns } of kind.keys)
    expect((await call("Get", { key: { case: camelCase(name), value: keyOf(shown, columns) } }))[field]).toEqual(shown);
  expect((await call("BatchGet", { ids: [NOBODY, shown.id] }))[several]).toEqual([shown]);
  expect((await list(maker, { filter: `id >= ${shown.id}`, orderBy: "id desc" })).rows).toContainEqual(shown);
};

/** Checks that a bad value of each field is refused by the field's name, and what does not exist by its reason. */
const refuse = async ({ kind, field, several, valid, call }: Maker): Promise<void> => {
  for (const column of plainColumns(kind)) {
    // JSON has no such time: it is the client that refuses it.
    const [bad] = badValues(column).filter((value) => value !== undefined && column.type !== "timestamptz");
    if (bad === undefined) continue;
    const sent = await valid({ [local(column)]: bad });
    const refused = kind.isLarge ? call("Append", { [several]: [sent] }) : call("Create", { [field]: sent });
    const { fields } = await expectRefusal(refused, "InvalidArgument", "FIELD_INVALID");
    expect(fields[0]).toContain(`${kind.isLarge ? `${kind.plural}[0]` : kind.name}.${column.name}`);
  }
  await expectRefusal(call("Get", { key: { case: "id", value: NOBODY } }), "NotFound", "RESOURCE_NOT_FOUND");
};

/** Checks that a resource changes by the mask, and neither it nor its deletion goes by a stale etag. */
const change = async (maker: Maker, shown: Shown): Promise<Shown> => {
  const [column] = changeable(maker.kind);
  if (column === undefined) return shown;
  const { id, etag } = shown;
  const value = anotherValue(column, shown[local(column)]);
  const changed = await update(maker, { id, [local(column)]: value }, [column.name]);
  expect(changed).toEqual({ ...shown, [local(column)]: changed[local(column)], etag: "2" });
  expect(changed).toMatchObject({ [local(column)]: value });
  const { info } = await expectRefusal(maker.call("Delete", { id, etag }), "Aborted", "ETAG_MISMATCH");
  expect(info?.metadata).toEqual({ etag: "2" });
  return changed;
};

/** Checks that a resource goes, and comes back where it is deleted softly. */
const end = async (maker: Maker, shown: Shown): Promise<void> => {
  const { id } = shown;
  await maker.call("Delete", { id });
  if (maker.kind.isSoft) {
    expect((await get(maker, id))["deleteTime"]).toBeDefined();
    await expectRefusal(update(maker, { id }), "FailedPrecondition", "RESOURCE_DELETED");
    const { [maker.field]: restored } = await maker.call("Undelete", { id });
    expect(restored).toEqual({ ...shown, etag: String(Number(shown.etag) + 2) });
    await maker.call("Purge", { id });
  }
  await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
};

/** Checks that one client reads the secrets which another one wrote. */
const tellSecrets = async (maker: Maker, created: Shown, sent: Readonly<Record<string, unknown>>): Promise<void> => {
  const token = tokenOf(maker.kind);
  if (token !== undefined) {
    const { [maker.field]: verified } = await maker.call("Verify", { [token.field.localName]: created[token.field.localName] });
    expect(verified).toMatchObject({ id: created.id });
  }
  const sealed = maker.kind.secrets.filter((secret) => secret !== token).map(({ field }) => field.localName);
  if (sealed.length === 0) return;
  const { [maker.field]: revealed } = await maker.call("Reveal", { id: created.id });
  const bytes = (value: unknown) => (value instanceof Uint8Array ? new Uint8Array(value) : value);
  for (const name of sealed) expect([name, bytes((revealed as Shown)[name])]).toEqual([name, bytes(sent[name])]);
};

/**
 * The life of one resource, from its creation to its end, through one client: each type of field and each standard RPC once. `maker` makes the
 * resource's surroundings through any other client; each answer is also held against what that one reads.
 */
export const liveThrough = async (maker: Maker, call: Maker["call"]): Promise<void> => {
  const { kind, field, several } = maker;
  const through: Maker = { ...maker, call };
  const sent = await maker.valid();
  // A token that has expired is none.
  if (tokenOf(kind) !== undefined)
    for (const {
      type,
      isRequired,
      field: { localName },
    } of plainColumns(kind))
      if (type === "timestamptz" && !isRequired) delete sent[localName];
  if (kind.isLarge) {
    const { ids } = await call("Append", { [several]: [sent, await maker.valid()] });
    const [id = 0n] = ids as readonly bigint[];
    const shown = await get(maker, id);
    expect(shown).toMatchObject(sent);
    await readEverywhere(through, shown);
    return refuse(through);
  }
  const created = (await call("Create", { [field]: sent }))[field] as Shown;
  const shown = withoutSecrets(kind, created);
  expect(shown).toMatchObject(withoutSecrets(kind, sent));
  expect(await get(maker, shown.id)).toEqual(shown);
  await readEverywhere(through, shown);
  await refuse(through);
  if (kind.secrets.length > 0) await tellSecrets(through, created, sent);
  await end(through, await change(through, await get(maker, shown.id)));
};

/** The name of the case for a kind. */
export const lifeOf = ({ label }: Kind): string => `${label}: created, read, refused, changed and ended`;
