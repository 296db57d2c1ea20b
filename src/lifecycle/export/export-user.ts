import { sql } from "kysely";
import type { ServerStreamOperation } from "../../call.ts";
import { transact } from "../../db/in-transaction.ts";
import { createSession, type Session } from "../../db/session.ts";
import { exhausted } from "../../errors.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";
import { userNotFound } from "../../users/get-user.ts";
import { assertCaller } from "../../users/privileges.ts";
import { requireUnmerged } from "../../users/writable-user.ts";
import type { LifecycleDependencies } from "../dependencies.ts";
import { createDigest, FORMAT, lineOf, type Manifest, type ManifestTable, VERSION } from "./format.ts";
import { fromOf, orderedBy, partsOfUser, textOf } from "./parts.ts";

const method = UserService.method.exportUser;

/** The most characters of an export that the service holds: no snapshot is held while the client takes its time. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

const tooLarge = () =>
  exhausted("RESPONSE_TOO_LARGE", "The user has more than 64 MiB: export it with `userd export --all`, which reads the database itself.");

/** Reads the lines of an export of a user, of the moment of the session's transaction. */
export const readLines = async (session: Session, userId: bigint, withSecrets: boolean): Promise<readonly string[]> => {
  const user = await session.row(sql<{ merged_into_user_id: bigint | null; now: Date }>`
    select merged_into_user_id, now() as now from users where id = ${userId}`);
  if (user === undefined) throw userNotFound();
  requireUnmerged(user.merged_into_user_id);
  const tables: ManifestTable[] = [];
  const lines: string[] = [];
  let left = MAX_CHARACTERS;
  for (const part of await partsOfUser(session, userId)) {
    const rows = await session.rows(sql<{ row: string }>`
      select "row" from (
        select ${textOf(part, withSecrets)} as "row", sum(length(to_jsonb(x)::text)) over (order by ${orderedBy(part)}) as upto, ${orderedBy(part)}
        from ${fromOf(part)} where ${part.which ?? sql`true`}
      ) x where upto <= ${left} + 1 or upto is null order by ${orderedBy(part)}`);
    const digest = createDigest();
    for (const { row } of rows) {
      left -= row.length;
      digest.add(row);
      lines.push(lineOf(part, row));
    }
    if (left < 0) throw tooLarge();
    if (rows.length > 0) tables.push({ table: part.table, kind: part.kind, rows: rows.length, digest: digest.hex() });
  }
  const manifest: Manifest = {
    ...{ format: FORMAT, version: VERSION, scope: "user", userId: String(userId) },
    ...{ exportTime: user.now.toISOString(), withSecrets, tables },
  };
  return [JSON.stringify(manifest), ...lines];
};

/** ExportUser: sends all that the service holds about a user, of one moment, as fast as the client takes it. */
export const exportUser = ({ db, freshness }: LifecycleDependencies): ServerStreamOperation<typeof method> =>
  async function* (call, { userId, includeSecrets, consistency }) {
    if (includeSecrets) assertCaller(call, "secrets.reveal");
    await freshness.check(call, consistency);
    const claim = { group: "export", caller: call.caller, signal: call.signal };
    const lines = await transact(db, claim, async (transaction) => {
      const session = createSession(transaction, db.kinds, db.abort(call));
      await session.rows(sql`set transaction isolation level repeatable read read only`);
      return readLines(session, userId, includeSecrets);
    });
    for (const line of lines) yield { line };
  };
