import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Call, Operation, ServerStreamOperation } from "../call.ts";
import { conflict, DomainError, invalidField, outOfRange, unavailable } from "../errors.ts";
import {
  type BookmarkSchema,
  type Change,
  ChangePayload,
  CurrentResourceSchema,
  type WatchChangesRequest,
} from "../gen/userd/v1/change_pb.ts";
import { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { compileFilter } from "./change-filter.ts";
import type { ChangeDependencies } from "./dependencies.ts";
import { type Feed, timestampOf } from "./feed.ts";
import type { FeedState } from "./sequencer-ports.ts";
import type { Batch } from "./watcher.ts";

const { method } = ChangeService;

/** The silence after which a stream sends a bookmark, in milliseconds. */
const BOOKMARK_MS = 10_000;

/** The longest time between two looks whether the connection ends, in milliseconds. */
const LOOK_MS = 10_000;

/** Returns the position that a request names. */
const positionOf = async ({ positions, earliest, expired }: Feed, text: string, state: FeedState): Promise<bigint> => {
  const asked = positions.read(text);
  if (asked === undefined) throw invalidField("position", "is not a position of this feed", "POSITION_INVALID");
  if (asked.epoch !== state.epoch) {
    throw outOfRange("POSITION_OF_ANOTHER_EPOCH", "The position is from before a failover or restore: begin with a snapshot.");
  }
  if (asked.position > state.position) throw invalidField("position", "is newer than the feed", "POSITION_INVALID");
  if (asked.position < (await earliest())) throw await expired();
  return asked.position;
};

/** Returns a position from which on the write of a consistency token, or what came after it, is sent. */
const positionOfToken = async ({ db, tokens, feed, freshness }: ChangeDependencies, call: Call, text: string, state: FeedState) => {
  const token = tokens.read(text);
  if (token === undefined) throw invalidField("consistency_token", "is not a token of this service", "TOKEN_INVALID");
  await freshness.check(call, { mode: { case: "atLeastAsFresh", value: text } } as never);
  if (token.epoch !== state.epoch) {
    throw outOfRange("POSITION_OF_ANOTHER_EPOCH", "The token is from before a failover or restore: begin with a snapshot.");
  }
  const known = token.aggregates.filter(({ kind }) => kind !== "canonical_name");
  if (known.length === 0)
    throw invalidField("consistency_token", "names nothing that stands in the feed: begin at a position", "TOKEN_INVALID");
  const { first, expected } = await db.session(call).one(sql<{ first: bigint | null; expected: boolean }>`
    select min(f.position) as first, bool_and(f.position is not null) as expected
    from unnest(${known.map(({ kind }) => kind)}::text[], ${known.map(({ id }) => String(id))}::bigint[],
      ${known.map(({ version }) => String(version))}::bigint[]) as t (kind, id, version)
    left join lateral (
      select f.position from changes c join feed f on f.change_id = c.id
      where c.aggregate_kind = t.kind and c.aggregate_id = t.id and c.version = t.version
      order by c.id limit 1
    ) f on true`);
  if (first === null || !expected) throw await feed.expired();
  return first;
};

/** Returns the position behind which a stream begins. */
const startOf = async (dependencies: ChangeDependencies, call: Call, { start }: WatchChangesRequest): Promise<bigint> => {
  const { feed } = dependencies;
  // What was committed before the call has its position now.
  const state = await feed.sequencer.run();
  if (start.case === "earliest") return feed.earliest();
  if (start.case === "position") return positionOf(feed, start.value, state);
  if (start.case === "consistencyToken") return positionOfToken(dependencies, call, start.value, state);
  return state.position;
};

/**
 * WatchChanges: sends changes as fast as the client takes them. Nothing is queued for a client that is slow: it is asked for what follows its
 * position when it has room.
 */
export const watchChanges = (dependencies: ChangeDependencies): ServerStreamOperation<typeof method.watchChanges> => {
  const { feed, current, configurationRevision } = dependencies;
  return async function* (call, request) {
    const { filter, start, payload, bookmarkInterval } = request;
    if (start.case === "snapshot" && payload !== ChangePayload.CURRENT) throw invalidField("payload", "must be CURRENT with a snapshot");
    const bookmarkMs = bookmarkInterval === undefined ? BOOKMARK_MS : durationMs(bookmarkInterval);
    const position = await startOf(dependencies, call, request);
    const epoch = feed.sequencer.state()?.epoch ?? "";
    const textOf = (one: bigint): string => feed.positions.issue({ epoch, position: one });
    const watcher = feed.watchers.add(compileFilter(filter), position);
    let sent = position;
    const goOn = () => ({ metadata: { position: textOf(sent) } });
    call.onStall?.(() => conflict("WATCHER_STALLED", "The client took nothing for too long: go on at the position.", goOn()));

    const bookmarkOf = (batch: Batch): MessageInitShape<typeof BookmarkSchema> => ({
      position: textOf(batch.position),
      head: textOf(batch.head),
      ...(batch.time !== undefined && { time: timestampOf(batch.time) }),
      configurationRevision: configurationRevision(),
      epoch,
    });
    const messagesOf = async ({ changes }: Batch): Promise<readonly Change[]> => {
      if (payload !== ChangePayload.CURRENT || changes.length === 0) return changes.map(({ message }) => message());
      const resources = await current.of(call, changes);
      return changes.map(({ message }, index) => {
        const resource = resources[index];
        return resource === undefined ? message() : { ...message(), current: create(CurrentResourceSchema, resource) };
      });
    };

    try {
      if (start.case === "snapshot") for await (const changes of current.snapshot(call, filter)) yield { changes: [...changes] };
      yield { bookmark: bookmarkOf(watcher.now()) };
      for (let toldAt = performance.now(); ; ) {
        if (call.isLeaving?.()) throw unavailable("SHUTTING_DOWN", "The connection has come to its age.");
        const left = Math.max(0, toldAt + bookmarkMs - performance.now());
        const batch = await watcher.next(Math.min(left, LOOK_MS), call.signal);
        const changes = await messagesOf(batch);
        const isDue = performance.now() >= toldAt + bookmarkMs;
        if (changes.length === 0 && !isDue) continue;
        // The last part of a batch vouches for a time, and no part before it.
        const vouches = batch.time !== undefined || isDue;
        if (vouches) toldAt = performance.now();
        yield { changes: [...changes], ...(vouches && { bookmark: bookmarkOf(batch) }) };
        sent = batch.position;
      }
    } catch (error) {
      throw error instanceof DomainError && error.reason === "SHUTTING_DOWN"
        ? unavailable("SHUTTING_DOWN", "The stream ends: go on at the position.", goOn())
        : error;
    } finally {
      watcher.remove();
    }
  };
};

/** GetFeedPosition: returns where the feed begins and ends. What was committed before the call stands before the end. */
export const getFeedPosition =
  ({ db, feed, freshness, configurationRevision }: ChangeDependencies): Operation<typeof method.getFeedPosition> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const { epoch, position } = await feed.sequencer.run();
    const { now, earliest } = await db.session(call).one(sql<{ now: number; earliest: bigint }>`
      select extract(epoch from statement_timestamp())::float8 * 1000 as now,
        coalesce((select min(position) - 1 from feed), (select position from current_feed_head())) as earliest`);
    return {
      earliest: feed.positions.issue({ epoch, position: earliest }),
      head: feed.positions.issue({ epoch, position }),
      time: timestampOf(now),
      configurationRevision: configurationRevision(),
      epoch,
    };
  };
