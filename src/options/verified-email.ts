import { sql } from "kysely";
import type { Tx } from "../db/write.ts";
import { DomainError } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";
import type { OptionWrite } from "./changed-options.ts";
import type { OptionRegistry } from "./registry/registry.ts";

const refusal = (key: string): DomainError =>
  new DomainError("Invalid", "OPTION_VALUE_INVALID", `The option ${key} has to be one of the user's verified addresses.`, {
    metadata: { key },
    violations: [{ field: "value", description: "has to be one of the user's verified addresses" }],
  });

/** The address in canonical JSON; undefined when the value is none. */
const addressOf = ({ json }: OptionWrite): string | undefined => {
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : undefined;
};

/** Tells whether the values of a key have to be verified addresses, which the database is asked. */
export const needsVerified = (registry: Pick<OptionRegistry, "get">, key: string): boolean => {
  const definition = registry.get(key);
  return definition?.type === "verified_email" && definition.mode === "enforce";
};

/** Finds writes that store an unverified address in an option of type verified_email and mode `enforce`, as a map from write to error. */
export const findUnverified = async (
  tx: Tx,
  registry: OptionRegistry,
  writes: readonly OptionWrite[],
): Promise<Map<OptionWrite, DomainError>> => {
  const checked = writes.filter(({ key }) => needsVerified(registry, key));
  if (checked.length === 0) return new Map();
  const rows = await tx.rows(sql<{ position: number }>`
    select position::int from unnest(
      ${checked.map(({ userId }) => String(userId))}::bigint[],
      ${checked.map((write) => canonicalName(addressOf(write) ?? ""))}::text[]) with ordinality as w (user_id, canonical, position)
    where exists (select from user_email e where e.user_id = w.user_id and e.email_canonical = w.canonical and e.is_verified)`);
  const verified = new Set(rows.map(({ position }) => position - 1));
  return new Map(checked.filter((_, index) => !verified.has(index)).map((write) => [write, refusal(write.key)]));
};

/** Refuses writes of unverified addresses to options of type verified_email (mode `enforce`). Throws INVALID_ARGUMENT OPTION_VALUE_INVALID. */
export const assertVerified = async (tx: Tx, registry: OptionRegistry, writes: readonly OptionWrite[]): Promise<void> => {
  const [error] = (await findUnverified(tx, registry, writes)).values();
  if (error !== undefined) throw error;
};
