import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import { type Call, whenReady } from "../call.ts";
import { resourceNotFound } from "../contract/kinds/errors.ts";
import type { Column, Kind } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";
import { place } from "../db/compiled.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { expanded, expansionOf, withReferences } from "./expand.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { maskedKind } from "./read-mask.ts";
import { isSeen, SEER, seerOf } from "./relation.ts";
import { resourceField } from "./resource-fields.ts";
import { columnsOf, compiledFor, type Row, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type KindDependencies, type StandardMethod } from "./standard-method.ts";

type Key = { readonly case: string; readonly value: bigint | string | Readonly<Record<string, unknown>> };

type Request = {
  readonly key: Key;
  readonly consistency?: Consistency;
  readonly readMask?: FieldMask;
  readonly expand?: readonly string[];
};

const readBy = (kind: Kind, key: readonly Column[], conditions: readonly RawBuilder<unknown>[]) => {
  const parts = key.map(({ name, type, field }) => sql`${sql.ref(`r.${name}`)} = ${place(field.localName)}::${sql.raw(type)}`);
  return compiledFor(
    kind,
    sql<Row>`select ${columnsOf(kind)} from ${sql.table(kind.table)} r where ${sql.join([...parts, ...conditions], sql` and `)}`,
  );
};

/** The statements that read a resource by its id or by a key, and under further conditions, keyed by the name of the key. */
const reads = (kind: Kind, conditions: readonly RawBuilder<unknown>[]) => {
  const id = { name: "id", columns: kind.columns.filter(({ name }) => name === "id") };
  return new Map([id, ...kind.keys].map(({ name, columns }) => [camelCase(name), { columns, read: readBy(kind, columns, conditions) }]));
};

const readsOf = oncePerKind((kind) => reads(kind, []));
const readsSeenOf = oncePerKind((kind) => reads(kind, [isSeen(kind)]));

/** Makes the function that reads a resource in one statement. */
const createRead = ({ db, freshness }: Pick<KindDependencies, "db" | "freshness">, kind: Kind) => {
  const field = resourceField(kind);
  return async (call: Call, { key, consistency, readMask, expand }: Request) => {
    const shown = maskedKind(kind, readMask);
    const expansion = expansionOf(call, kind, expand);
    await freshness.check(call, consistency);
    const seer = seerOf(call, kind);
    const by = (seer === undefined ? readsOf : readsSeenOf)(withReferences(shown, expansion)).get(key.case);
    // A key of several fields is a message of them.
    const values = typeof key.value === "object" ? key.value : { [by?.columns[0]?.field.localName ?? ""]: key.value };
    const row = by && (await db.session(call).row(by.read({ ...values, [SEER]: seer })));
    if (row === undefined) throw resourceNotFound(kind);
    return answerOf({ [field]: toMessage(shown, row), ...(await expanded(db, call, expansion, [row])) });
  };
};

/** Tells whether a request wants the whole resource of an id. An acting user may not read it: that is asked together with the resource. */
const isPlain = (call: Call, kind: Kind, { key, readMask, expand = [] }: Request): boolean =>
  key.case === "id" && readMask === undefined && expand.length === 0 && seerOf(call, kind) === undefined;

/**
 * GetX: reads one resource, deleted or not, by its id or a unique key: from the cache, if the kind is cached and nothing but the resource of an id is
 * asked for, or else in one statement. A resource that the acting user can't read is NOT_FOUND.
 */
export const getResource: StandardMethod = (app, kind) => {
  const read = createRead(app, kind);
  return (call, request) => {
    const asked = fieldsOf<Request>(request);
    const resources = isPlain(call, kind, asked) ? app.resourcesOf(kind) : undefined;
    if (resources === undefined) return read(call, asked);
    return whenReady(resources.get(call, asked.key.value as bigint, app.freshness.reading(asked.consistency)), ({ response }) => {
      if (response === undefined) throw resourceNotFound(kind);
      return answerOf(response);
    });
  };
};
