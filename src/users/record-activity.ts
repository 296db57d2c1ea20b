import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { userNotFound } from "./get-user.ts";
import { requireLive } from "./writable-user.ts";

const method = UserService.method.recordActivity;

/** RecordActivity: stores when and from which IP address a user was active. It raises no version, so that active users stay cached. */
export const recordActivity =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { userId } = request;
    // The zone of a link-local address means something on one machine only.
    const ip = request.ip.split("%")[0] ?? "";
    return write(call, { method, request, aggregates: [] }, async (tx) => {
      const row = await tx.row(sql<{ delete_time: Date | null }>`
        with seen as (
          select id, delete_time, statement_timestamp() as now from users where id = ${userId}
        ), active as (
          insert into user_activity as a (user_id, last_active) select id, now from seen where delete_time is null
          on conflict (user_id) do update set last_active = excluded.last_active
            where a.last_active is null or a.last_active <= excluded.last_active - interval '1 minute'
        ), located as (
          insert into user_ip as i (user_id, ip, first_seen, last_seen)
          select id, host(nullif(${ip}, '')::inet), now, now from seen where delete_time is null and ${ip} <> ''
          on conflict (user_id, ip) do update set last_seen = excluded.last_seen
            where i.last_seen <= excluded.last_seen - interval '5 minutes'
        )
        select delete_time from seen`);
      if (!row) throw userNotFound();
      requireLive(row.delete_time);
      tx.touch(userAggregate(userId));
      return {};
    });
  };
