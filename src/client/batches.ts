import type { MessageShape } from "@bufbuild/protobuf";
import {
  clone,
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type CheckAccessRequest, CheckAccessResponseSchema } from "../gen/userd/v1/access_pb.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { type UserOption, UserOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import { type GetOptionRequest, GetOptionResponseSchema, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { type User, UserSchema, UserView } from "../gen/userd/v1/user_pb.ts";
import { type GetUserRequest, GetUserResponseSchema, LookupStatus, UserService } from "../gen/userd/v1/user_service_pb.ts";

/** A function that calls an RPC for a batch. */
export type Send = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: MessageInitShape<I>,
) => Promise<MessageShape<O>>;

/** A read that waits for a batch. */
type Read<M extends Message> = { readonly message: M };

/** Reads that are asked by one call. */
export type Batch<R> = {
  readonly reads: readonly R[];
  /** Returns the answers in the order of the reads; undefined = that read has to be asked by itself, which tells the service's own error. */
  readonly ask: (send: Send) => Promise<readonly (Message | undefined)[]>;
};

/** The rules by which calls of one RPC are asked together. */
export type Batching<M extends Message = Message> = {
  /** Returns what all reads of a batch have in common; undefined = the read is asked by itself. */
  commonOf(message: M, header: Headers): string | undefined;
  /** Divides reads that have all that in common into batches. */
  divide<R extends Read<M>>(reads: readonly R[]): readonly Batch<R>[];
};

/** The most values of one call: under the service's limits, and far under its largest answer. */
const MAX_READS = 500;
/** The most keys of one BatchGetOptions. */
const MAX_KEYS = 100;
/** The longest text, in UTF-16 units, that is given back as a default without asking the service if it can be a value. */
const MAX_DEFAULT = 1_000;

const slices = <R>(reads: readonly R[], size: number): readonly (readonly R[])[] =>
  Array.from({ length: Math.ceil(reads.length / size) }, (_, index) => reads.slice(index * size, (index + 1) * size));

/** How fresh an answer has to be, in words; undefined = it tells its age, which is each answer's own. */
const freshnessOf = (consistency: Consistency | undefined): string | undefined => {
  if (consistency?.maxStale !== undefined) return undefined;
  const { mode } = consistency ?? {};
  return mode?.case === undefined ? "" : `${mode.case}:${mode.value}`;
};

/** Tells whether a default can be a value for certain. */
const isPlain = ({ kind }: Value): boolean => {
  if (kind.case === "stringValue") return kind.value.length <= MAX_DEFAULT && kind.value.isWellFormed() && !kind.value.includes("\0");
  return kind.case === "boolValue" || kind.case === "nullValue" || (kind.case === "numberValue" && Number.isFinite(kind.value));
};

/** Gives each reader a message of its own, as single calls do. */
const createGiver = <D extends DescMessage>(schema: D): ((message: MessageShape<D>) => MessageShape<D>) => {
  const given = new Set<Message>();
  return (message) => {
    if (given.has(message)) return clone(schema, message);
    given.add(message);
    return message;
  };
};

type OptionRead = Read<GetOptionRequest>;

const optionBatch = <R extends OptionRead>(reads: readonly R[]): Batch<R> => ({
  reads,
  ask: async (send) => {
    const userIds = [...new Set(reads.map(({ message }) => message.userId))];
    const keys = [...new Set(reads.map(({ message }) => message.key))];
    const [{ message: { projectId = 0n, organizationId = 0n, consistency } = {} } = {}] = reads;
    const request = { userIds, keys, projectId, organizationId, ...(consistency && { consistency }) };
    const { results } = await send(UserOptionService.method.batchGetOptions, request);
    const found = new Map<bigint, Map<string, UserOption>>();
    for (const { userId, userFound, options } of results) {
      if (userFound) found.set(userId, new Map(options.map((option) => [option.key, option])));
    }
    const give = createGiver(UserOptionSchema);
    return reads.map(({ message: { userId, key, defaultValue } }) => {
      const ofUser = found.get(userId);
      if (ofUser === undefined) return undefined;
      const stored = ofUser.get(key);
      if (stored === undefined) {
        return create(GetOptionResponseSchema, { ...(defaultValue && { value: clone(ValueSchema, defaultValue) }) });
      }
      const option = give(stored);
      return create(GetOptionResponseSchema, { found: true, option, ...(option.value && { value: option.value }) });
    });
  },
});

const optionBatching: Batching<GetOptionRequest> = {
  commonOf: ({ certify, consistency, defaultValue, projectId, organizationId }) => {
    const freshness = freshnessOf(consistency);
    const isAlone = certify || freshness === undefined || (defaultValue !== undefined && !isPlain(defaultValue));
    return isAlone ? undefined : `${projectId}/${organizationId}/${freshness}`;
  },
  // A batch asks for each key of each user. It never asks for more than twice of what is wanted.
  divide: (reads) => {
    const byUser = Map.groupBy(reads, ({ message }) => message.userId);
    const byKey = Map.groupBy(reads, ({ message }) => message.key);
    if (byUser.size * byKey.size <= 2 * reads.length && byKey.size <= MAX_KEYS) {
      return slices([...byUser.values()].flat(), MAX_READS).map(optionBatch);
    }
    const [parts, size] = byKey.size <= byUser.size ? [byKey.values(), MAX_READS] : [byUser.values(), MAX_KEYS];
    return [...parts].flatMap((part) => slices(part, size).map(optionBatch));
  },
};

const userBatching: Batching<GetUserRequest> = {
  commonOf: ({ certify, consistency, view }, header) => {
    const freshness = freshnessOf(consistency);
    // A look-up on behalf of a user needs an administrator.
    if (certify || freshness === undefined || header.has("x-acting-user-id")) return undefined;
    if (view === UserView.BASIC) return `basic/${freshness}`;
    return view === UserView.FULL || view === UserView.UNSPECIFIED ? `full/${freshness}` : undefined;
  },
  divide: (reads) =>
    slices(reads, MAX_READS).map((part) => ({
      reads: part,
      ask: async (send) => {
        const ids = [...new Set(part.map(({ message }) => message.id))];
        const [{ message: { view, consistency } = {} } = {}] = part;
        const { results } = await send(UserService.method.lookupUsers, {
          keys: ids.map((id) => ({ key: { case: "id" as const, value: id } })),
          view: view === UserView.BASIC ? UserView.BASIC : UserView.FULL,
          ...(consistency && { consistency }),
        });
        const found = new Map<bigint, User>();
        for (const [index, { status, user }] of results.entries()) {
          if (status === LookupStatus.FOUND && user !== undefined) found.set(ids[index] as bigint, user);
        }
        const give = createGiver(UserSchema);
        return part.map(({ message }) => {
          const user = found.get(message.id);
          return user && create(GetUserResponseSchema, { user: give(user) });
        });
      },
    })),
};

const checkBatching: Batching<CheckAccessRequest> = {
  commonOf: ({ certify, consistency }) => (certify ? undefined : freshnessOf(consistency)),
  divide: (reads) =>
    slices(reads, MAX_READS).map((part) => ({
      reads: part,
      ask: async (send) => {
        const checks = part.map(({ message: { userId, relation, target } }) => ({ userId, relation, target }));
        const [{ message: { consistency } = {} } = {}] = part;
        const { results } = await send(ProfileService.method.batchCheckAccess, { checks, ...(consistency && { consistency }) });
        return part.map((_, index) => {
          const { allowed, rule } = results[index] ?? {};
          return allowed === undefined || rule === undefined ? undefined : create(CheckAccessResponseSchema, { allowed, rule });
        });
      },
    })),
};

/** The RPCs whose calls can be asked together. */
export const batchings: ReadonlyMap<DescMethod, Batching> = new Map<DescMethod, Batching>([
  [UserOptionService.method.getOption, optionBatching],
  [UserService.method.getUser, userBatching],
  [ProfileService.method.checkAccess, checkBatching],
]);
