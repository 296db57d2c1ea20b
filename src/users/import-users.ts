import { sql } from "kysely";
import type { Call, ClientStreamOperation } from "../call.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { alreadyExists, DomainError, invalidField, orRefusal } from "../errors.ts";
import type { ImportUsersRequest } from "../gen/userd/v1/user_batch_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { invitingAggregates } from "../organizations/invitations.ts";
import { toStatus } from "../status.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { UserDependencies } from "./dependencies.ts";
import { importedUserOf } from "./imported-user.ts";
import type { NewUser } from "./new-user.ts";
import { requirePermission } from "./privileges.ts";
import { storeUsers } from "./store-users.ts";

const method = UserService.method.importUsers;
/** The users of one transaction: few enough that a stream of any length holds no lock for long. */
const BATCH = 500;
/** The most failures that the response lists. */
const MAX_FAILURES = 100;

/** The outcome of one line. */
type Outcome = "created" | "unchanged" | DomainError;

const batchesOf = async function* (requests: AsyncIterable<ImportUsersRequest>): AsyncGenerator<ImportUsersRequest[]> {
  let batch: ImportUsersRequest[] = [];
  for await (const request of requests) {
    batch.push(request);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
};

/** Raises the sequence past the ids of the batch before its users are stored, so that nobody who creates a user gets such an id. */
const moveSequence = (tx: Tx, ids: readonly string[]) =>
  tx.rows(sql`
    select setval('users_id_seq', imported.id)
    from (select max(id) as id from unnest(${ids}::bigint[]) as t (id)) imported, users_id_seq sequence
    where imported.id > sequence.last_value or (imported.id = sequence.last_value and not sequence.is_called)`);

/** Returns a map from each id that is, or was, a user's to the username, which is null for a purged user. */
const usedIds = async (tx: Tx, ids: readonly string[]): Promise<Map<bigint, string | null>> => {
  const rows = await tx.rows(sql<{ id: bigint; canonical: string | null }>`
    select s.id, u.username_canonical as canonical from aggregate_version s left join users u on u.id = s.id
    where s.kind = 'user' and s.id = any(${ids}::bigint[]) and s.version > 0`);
  return new Map(rows.map(({ id, canonical }) => [id, canonical]));
};

/** Stores the users of a batch whose ids are free; their versions are locked, so two imports of one id follow one another. */
const storeBatch = async (tx: Tx, users: readonly (NewUser | DomainError)[]): Promise<Outcome[]> => {
  const ids = users.flatMap((user) => (user instanceof DomainError || user.id === undefined ? [] : [String(user.id)]));
  const used = await usedIds(tx, ids);
  const outcomes: (Outcome | undefined)[] = users.map((user) => {
    if (user instanceof DomainError) return user;
    if (user.id === undefined || !used.has(user.id)) return undefined;
    return used.get(user.id) === user.canonical ? "unchanged" : alreadyExists("USER_ID_TAKEN", "The id is, or was, another user's.");
  });
  await moveSequence(tx, ids);
  const fresh = users.filter((user, index): user is NewUser => outcomes[index] === undefined && !(user instanceof DomainError));
  const stored = (await storeUsers(tx, fresh)).values();
  return outcomes.map((outcome) => {
    if (outcome !== undefined) return outcome;
    const { value } = stored.next();
    return value !== undefined && "error" in value ? value.error : "created";
  });
};

/** ImportUsers: stores a stream of users in batches. Returns how many were created, unchanged or refused, and the first 100 failures. */
export const importUsers = ({ write, systemUser }: UserDependencies): ClientStreamOperation<typeof method> => {
  const draftOf = (request: ImportUsersRequest, seen: Set<bigint>): NewUser => {
    const user = importedUserOf(request);
    const { is_active, is_suspended, username } = user.columns;
    if (!is_active || is_suspended) systemUser.refuse(username);
    if (user.id !== undefined && seen.has(user.id)) throw invalidField("user.id", "stands in an earlier line", "DUPLICATE_ENTRY");
    if (user.id !== undefined) seen.add(user.id);
    return user;
  };

  const importBatch = async (call: Call, batch: readonly [ImportUsersRequest, ...ImportUsersRequest[]]) => {
    const seen = new Set<bigint>();
    const users = batch.map((request) => orRefusal(() => draftOf(request, seen)));
    let outcomes: Outcome[] = [];
    const verified = users.flatMap((user) =>
      user instanceof DomainError ? [] : user.emails.filter(({ isVerified }) => isVerified).map(({ canonical }) => canonical),
    );
    const aggregates: LookUpLocks = async (session) => [...[...seen].map(userAggregate), ...(await invitingAggregates(session, verified))];
    const plan = { method, request: batch[0], aggregates, hasTimeToken: true };
    const { consistencyToken = "" } = await write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      outcomes = await storeBatch(tx, users);
      return {};
    });
    return { outcomes, consistencyToken };
  };

  return async (call, requests) => {
    const answer = {
      created: 0n,
      unchanged: 0n,
      failed: 0n,
      failures: [] as { line: bigint; error: ReturnType<typeof toStatus> }[],
      consistencyToken: "",
    };
    let line = 0n;
    for await (const [first, ...others] of batchesOf(requests)) {
      if (first === undefined) continue;
      const { outcomes, consistencyToken } = await importBatch(call, [first, ...others]);
      answer.consistencyToken = consistencyToken;
      for (const outcome of outcomes) {
        line += 1n;
        if (!(outcome instanceof DomainError)) answer[outcome] += 1n;
        else {
          answer.failed += 1n;
          if (answer.failures.length < MAX_FAILURES) answer.failures.push({ line, error: toStatus(outcome) });
        }
      }
    }
    return answer;
  };
};
