import { isDeepStrictEqual } from "node:util";
import { type RawBuilder, sql } from "kysely";
import { type Column, type Kind, type Secret, sealedOf, tokenOf } from "../contract/kinds/kind.ts";
import { LAST_CHARACTERS } from "../contract/kinds/secrets.ts";
import type { Session } from "../db/session.ts";
import { DomainError, invalidField } from "../errors.ts";
import { newSecretToken } from "../secrets/secret-token.ts";
import type { Vault } from "../secrets/secrets.ts";
import type { Resource } from "./values.ts";

/** The value of a sealed field, as requests have it; null = none. */
export type Plain = string | Uint8Array | null;

/** The values that a request gives to sealed fields. */
export type PlainSecrets = ReadonlyMap<Secret, Plain>;

/** The stored values of sealed fields, keyed by the names of the fields. */
export type SealedRow = Readonly<Record<string, Uint8Array | null>>;

/** The one place where a value can be read: whoever copies it to another row, field or table makes it unreadable. */
const placeOf = ({ table }: Kind, { name }: Secret, id: bigint): string => `${table}/${id}/${name}`;

/** Encrypts the value of a sealed field of the resource with this id. */
const seal = (vault: Vault, kind: Kind, secret: Secret, id: bigint, plain: Plain): Buffer | null => {
  if (plain === null) return null;
  return vault.lock(typeof plain === "string" ? plain : Buffer.from(plain).toString("base64"), placeOf(kind, secret, id));
};

/** Decrypts the stored value of a sealed field. Throws DomainError SECRET_UNREADABLE when another SECRET_KEY has encrypted it. */
export const unseal = (vault: Vault, kind: Kind, secret: Secret, id: bigint, sealed: Uint8Array | null): Plain => {
  if (sealed === null) return null;
  const text = vault.unlock(sealed, placeOf(kind, secret, id));
  return secret.isBytes ? new Uint8Array(Buffer.from(text, "base64")) : text;
};

/** Tells whether a stored value is this one. One that can't be read any more is another one: it can be replaced. */
const isSame = (vault: Vault, kind: Kind, secret: Secret, id: bigint, sealed: Uint8Array | null, plain: Plain): boolean => {
  try {
    return isDeepStrictEqual(unseal(vault, kind, secret, id, sealed), plain);
  } catch (error) {
    if (error instanceof DomainError && error.reason === "SECRET_UNREADABLE") return false;
    throw error;
  }
};

/**
 * Reads from the message of a resource the values of those sealed fields that `isAsked` accepts.
 * @throws INVALID_ARGUMENT for a required field without a value.
 */
export const plainSecrets = (kind: Kind, resource: Resource, isAsked: (secret: Secret) => boolean): PlainSecrets =>
  new Map(
    sealedOf(kind)
      .filter(isAsked)
      .map((secret) => {
        const value = resource[secret.field.localName] as Plain | undefined;
        if (secret.isRequired && value === undefined) throw invalidField(`${kind.name}.${secret.name}`, "is required");
        return [secret, value instanceof Uint8Array ? new Uint8Array(value) : (value ?? null)] as const;
      }),
  );

/** Returns the SQL list of the columns of sealed fields, to select from the alias `r`. */
export const sealedColumns = (secrets: readonly Secret[]): RawBuilder<SealedRow> =>
  sql`${sql.join(secrets.map(({ name }) => sql.ref(`r.${name}`)))}`;

/** Encrypts those values that differ from the stored ones, keyed by the names of the entity's properties. */
export const changedSecrets = async (
  session: Session,
  vault: Vault,
  kind: Kind,
  id: bigint,
  values: PlainSecrets,
): Promise<Readonly<Record<string, Buffer | null>>> => {
  if (values.size === 0) return {};
  const row = await session.one(
    sql<SealedRow>`select ${sealedColumns([...values.keys()])} from ${sql.table(kind.table)} r where r.id = ${id}`,
  );
  const differing = [...values].filter(([secret, plain]) => !isSame(vault, kind, secret, id, row[secret.name] ?? null, plain));
  return Object.fromEntries(differing.map(([secret, plain]) => [secret.field.localName, seal(vault, kind, secret, id, plain)]));
};

/** Returns the columns that a new resource gets for its secrets, each with the type of its values. */
export const secretColumns = (kind: Kind): readonly { readonly name: string; readonly type: Column["type"] }[] => {
  const { lastCharacters } = tokenOf(kind)?.token ?? {};
  return [
    ...(sealedOf(kind).length > 0 ? kind.columns.filter(({ name }) => name === "id") : []),
    ...(lastCharacters === undefined ? [] : [lastCharacters]),
    ...kind.secrets.map(({ name }) => ({ name, type: "bytea" }) as const),
  ];
};

/** The secrets of a new resource: the values of `secretColumns`, and the token, which the answer to the caller shows. */
type NewSecrets = { readonly stored: Readonly<Record<string, unknown>>; readonly shown: Readonly<Record<string, string>> };

/** Encrypts the sealed values of a new resource, for which it draws the id of the resource, and makes its token. */
export const newSecrets = async (session: Session, vault: Vault, kind: Kind, values: PlainSecrets): Promise<NewSecrets> => {
  const hashed = tokenOf(kind);
  const stored: Record<string, unknown> = {};
  if (values.size > 0) {
    const { id } = await session.one(sql<{ id: bigint }>`select nextval(pg_get_serial_sequence(${kind.table}, 'id')) as id`);
    stored["id"] = id;
    for (const [secret, plain] of values) stored[secret.name] = seal(vault, kind, secret, id, plain);
  }
  if (hashed === undefined) return { stored, shown: {} };
  const { token, hash } = newSecretToken(hashed.token.prefix);
  stored[hashed.name] = hash;
  const { lastCharacters } = hashed.token;
  if (lastCharacters !== undefined) stored[lastCharacters.name] = token.slice(-LAST_CHARACTERS);
  return { stored, shown: { [hashed.field.localName]: token } };
};
