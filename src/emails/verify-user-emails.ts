import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";

/** VerifyUserEmails: one result per pair, in one statement. */
export const verifyUserEmails =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.verifyUserEmails> =>
  async (call, request) => {
    const { pairs, onlyVerified } = request;
    await freshness.check(call, request.consistency);
    const [ids, canonicalNames] = [pairs.map(({ userId }) => String(userId)), pairs.map(({ email }) => canonicalName(email))];
    const rows = await db.session(call).rows(sql<{ is_verified: boolean | null }>`
      select e.is_verified
      from unnest(${ids}::bigint[], ${canonicalNames}::text[]) with ordinality as pair (user_id, canonical, position)
      left join user_email e on e.user_id = pair.user_id and e.email_canonical = pair.canonical
      order by position`);
    const results = rows.map(({ is_verified: isVerified }) => ({
      exists: isVerified !== null && (isVerified || !onlyVerified),
      isVerified: isVerified === true,
    }));
    return { results };
  };
