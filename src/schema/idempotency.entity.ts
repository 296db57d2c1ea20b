import { defineEntity, p } from "@mikro-orm/core";
import { text, timeOfInsert } from "./columns.ts";

/** The answers of committed writes that carried a request_id, kept 24 hours. */
export const Idempotency = defineEntity({
  name: "Idempotency",
  tableName: "idempotency",
  properties: {
    caller: text(128).primary(),
    method: text(128).primary(),
    requestId: p.uuid().primary(),
    /** HMAC of the request's canonical bytes: tells a retry from a reuse without keeping the request. */
    requestHash: p.blob(),
    /** The encoded response message; null only inside the transaction that makes it. */
    response: p.blob().nullable(),
    createTime: timeOfInsert(),
  },
  primaryKeys: ["caller", "method", "requestId"],
  indexes: [{ name: "idempotency_create_time_index", properties: ["createTime"] }],
});
