import { sql } from "kysely";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { columnsOf, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod, severalField } from "./standard-method.ts";

/** BatchGetX: one statement; what there is of the ids, in their order. */
export const batchGetResources: StandardMethod = ({ db, freshness }, kind) => {
  const field = severalField(kind);
  return async (call, request) => {
    const { ids, consistency } = fieldsOf<{ ids: readonly bigint[]; consistency?: Consistency }>(request);
    await freshness.check(call, consistency);
    const rows = await db.session(call).rows(sql`
      select ${columnsOf(kind)} from unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      join ${sql.table(kind.table)} r on r.id = w.id order by w.position`);
    return answerOf({ [field]: rows.map((row) => toMessage(kind, row as never)) });
  };
};
