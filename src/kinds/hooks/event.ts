import { sql } from "kysely";
import { EventService } from "../../gen/userd/kinds/v1/event_service_pb.ts";
import { type Appended, appendResources } from "../append.ts";
import type { StandardMethod } from "../standard-method.ts";
import type { Values } from "../values.ts";

/** The number of events of a group in one request, and the times of the first and the last of them. */
type Seen = { readonly groupId: bigint; readonly projectId: bigint; times: number; first: Date; last: Date };

const seenIn = (events: readonly Values[]): readonly Seen[] => {
  const seen = new Map<string, Seen>();
  for (const { columns } of events) {
    const event = Object.fromEntries([...columns].map(([{ name }, value]) => [name, value]));
    const { group_id: groupId, project_id: projectId, event_time: time } = event as Record<string, bigint | null> & { event_time: Date };
    if (groupId == null || projectId == null) continue;
    const key = `${groupId}/${projectId}`;
    const one = seen.get(key) ?? { groupId, projectId, times: 0, first: time, last: time };
    one.times += 1;
    if (time < one.first) one.first = time;
    if (time > one.last) one.last = time;
    seen.set(key, one);
  }
  return [...seen.values()];
};

/**
 * Counts events in their groups by one statement. The change log does not have it, and no version moves, so that events of one organization do
 * not wait for one another. Groups of other projects, and those that are gone, count nothing.
 */
const countInGroups: Appended = async (tx, events) => {
  const seen = seenIn(events);
  if (seen.length === 0) return;
  const texts = (of: (one: Seen) => unknown) => seen.map((one) => String(of(one)));
  const times = (of: (one: Seen) => Date) => seen.map((one) => of(one).toISOString());
  // In ascending order: requests with the same groups would lock one another out.
  await tx.rows(sql`
    with n as (
      select * from unnest(${texts(({ groupId }) => groupId)}::bigint[], ${texts(({ projectId }) => projectId)}::bigint[],
        ${texts(({ times: count }) => count)}::bigint[], ${times(({ first }) => first)}::timestamptz[], ${times(({ last }) => last)}::timestamptz[])
        as n (id, project_id, times, first, last)
    ), locked as (
      select g.id, n.times, n.first, n.last from n join groups g on g.id = n.id and g.project_id = n.project_id order by g.id for no key update of g
    )
    update groups g set times_seen = g.times_seen + l.times, first_seen_time = least(g.first_seen_time, l.first),
      last_seen_time = greatest(g.last_seen_time, l.last)
    from locked l where l.id = g.id`);
};

const appendEvents: StandardMethod = (app, kind, method) => appendResources(app, kind, method, countInGroups);

/** What services of built-in families do beside the standard operations: functions that make operations, keyed by service and RPC. */
export const hooks: Readonly<Record<string, Readonly<Record<string, StandardMethod>>>> = {
  [EventService.typeName]: { [EventService.method.appendEvents.name]: appendEvents },
};
