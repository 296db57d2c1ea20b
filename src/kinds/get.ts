import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Column } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { maskedKind } from "./read-mask.ts";
import { toMessage } from "./row.ts";
import { answerOf, fieldsOf, resourceField, type StandardMethod } from "./standard-method.ts";
import { storedRow } from "./stored.ts";

type Key = { readonly case: string; readonly value: bigint | string | Readonly<Record<string, unknown>> };

/** GetX: reads one resource by its id or by a key, deleted or not, in one statement. */
export const getResource: StandardMethod = ({ db, freshness }, kind) => {
  const field = resourceField(kind);
  return async (call, request) => {
    const { key, consistency, readMask } = fieldsOf<{ key: Key; consistency?: Consistency; readMask?: FieldMask }>(request);
    const shown = maskedKind(kind, readMask);
    await freshness.check(call, consistency);
    const { value } = key;
    const partOf = ({ field: { localName } }: Column): unknown => (typeof value === "object" ? value[localName] : value);
    const columns = kind.keys.find(({ name }) => camelCase(name) === key.case)?.columns ?? [];
    const which =
      typeof value === "bigint"
        ? sql`r.id = ${value}`
        : sql.join(
            columns.map((column) => sql`${sql.ref(`r.${column.name}`)} = ${partOf(column)}::${sql.raw(column.type)}`),
            sql` and `,
          );
    return answerOf({ [field]: toMessage(shown, await storedRow(db.session(call), kind, which, shown)) });
  };
};
