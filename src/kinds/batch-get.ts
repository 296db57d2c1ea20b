import { sql } from "kysely";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import { exhausted } from "../errors.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { bytesOf, columnsOf, type Row, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod, severalField } from "./standard-method.ts";

/** BatchGetX: one statement; the resources that there are, in the order of the ids. It reads no more than one answer holds. */
export const batchGetResources: StandardMethod = ({ db, freshness }, kind) => {
  const field = severalField(kind);
  return async (call, request) => {
    const { ids, consistency } = fieldsOf<{ ids: readonly bigint[]; consistency?: Consistency }>(request);
    await freshness.check(call, consistency);
    const rows = await db.session(call).rows(
      withinPage(sql<Row & { readonly upto?: unknown }>`
        select q.*, ${bytesOf(kind)} as bytes from (
          select ${columnsOf(kind)} from unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
          join ${sql.table(kind.table)} r on r.id = w.id order by w.position
        ) q`),
    );
    if (Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES) {
      throw exhausted("RESPONSE_TOO_LARGE", `The resources take more than ${PAGE_BYTES} bytes: ask for fewer.`);
    }
    return answerOf({ [field]: rows.map((row) => toMessage(kind, row)) });
  };
};
