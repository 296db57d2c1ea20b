import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { canonicalJson } from "./canonical.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { type RevisionRow, revisionColumns } from "./list-option-revisions.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { scopeOf } from "./scope.ts";
import { storeOptions } from "./store.ts";
import type { OptionKey } from "./stored-option.ts";

const findRevision = async (tx: Tx, { userId, scope, key }: OptionKey, id: bigint): Promise<RevisionRow> => {
  const row = await tx.row(sql<RevisionRow>`
    select ${revisionColumns} from option_revision r
    where r.id = ${id} and r.user_id = ${userId} and r.scope_kind = ${scope.kind} and r.scope_id = ${scope.id} and r.key = ${key}`);
  if (row) return row;
  throw notFound("REVISION_NOT_FOUND", "The option has no such revision; the last 20 are kept.");
};

/** Deletes the option, since the revision is a deletion; an option that is not there is no error. */
const remove = async (tx: Tx, { userId, scope, key }: OptionKey): Promise<void> => {
  await tx.rows(sql`delete from user_option
    where user_id = ${userId} and scope_kind = ${scope.kind} and scope_id = ${scope.id} and key = ${key}`);
};

/** RestoreOption: writes once more what a revision holds. Limits hold; the registry is not asked, since it accepted the value before. */
export const restoreOption =
  ({
    write,
    optionScopes,
    quotas,
  }: Pick<OptionDependencies, "write" | "optionScopes" | "quotas">): Operation<typeof UserOptionService.method.restoreOption> =>
  (call, request) => {
    const { userId, key, revisionId } = request;
    const option: OptionKey = { userId, key, scope: scopeOf(request) };
    return write(call, { method: UserOptionService.method.restoreOption, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const revision = await findRevision(tx, option, revisionId);
      if (revision.deleted) {
        await remove(tx, option);
        return {};
      }
      // An expire_time that has passed would make the restored value absent at once.
      const expireTime = revision.expire_time !== null && revision.expire_time > new Date() ? revision.expire_time : null;
      const [stored] = await storeOptions(tx, { optionScopes, quotas }, [{ ...option, json: canonicalJson(revision.value), expireTime }]);
      if (stored === undefined) throw scopeNotFound();
      return { option: toUserOption(stored.row) };
    });
  };
