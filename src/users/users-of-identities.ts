import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { IdentityKey } from "../gen/userd/v1/identity_pb.ts";

/** Finds the users who have the given identities, by one statement. Returns for each identity, in the order given, a list of one id or none. */
export const usersOfIdentities = async (
  db: Database,
  call: Call,
  identities: readonly Pick<IdentityKey, "providerId" | "externalId">[],
): Promise<readonly (readonly bigint[])[]> => {
  if (identities.length === 0) return [];
  const rows = await db.session(call).rows(sql<{ user_id: bigint | null }>`
    select i.user_id from unnest(
      ${identities.map(({ providerId }) => String(providerId))}::bigint[],
      ${identities.map(({ externalId }) => externalId)}::text[]) with ordinality as w (provider_id, external_id, position)
    left join identity i on i.provider_id = w.provider_id and i.external_id = w.external_id
    order by w.position`);
  return rows.map(({ user_id: id }) => (id === null ? [] : [id]));
};
