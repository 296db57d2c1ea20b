import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../../call.ts";
import type { Session } from "../../db/session.ts";
import {
  ErasedKind,
  type ErasureCountSchema,
  type ListErasuresRequest,
  ListErasuresRequestSchema,
} from "../../gen/userd/v1/user_erasure_pb.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";
import { userNotFound } from "../../users/get-user.ts";
import { requirePermission } from "../../users/privileges.ts";
import { requireUnmerged } from "../../users/writable-user.ts";
import { userAggregate } from "../../versions/aggregate.ts";
import type { LifecycleDependencies } from "../dependencies.ts";
import { leftWithoutOwner, mergedInto } from "../purge-users.ts";
import { countRows, type RowCount } from "./counts.ts";
import { type Erased, kindOfStatement, type Receipts, type Statement, toReceipt } from "./receipts.ts";

const { method } = UserService;

/** Reads a user that erasures and holds can be about. Throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_MERGED. */
const requireUser = async (session: Session, id: bigint): Promise<void> => {
  const row = await session.row(session.sql.selectFrom("users").select("merged_into_user_id").where("id", "=", id));
  if (row === undefined) throw userNotFound();
  requireUnmerged(row.merged_into_user_id);
};

/** Makes the messages of counts. */
export const toCounts = (counts: readonly RowCount[]): MessageInitShape<typeof ErasureCountSchema>[] =>
  counts.map(({ table, removed, cleared }) => ({ table, removed: BigInt(removed), cleared: BigInt(cleared) }));

const summed = (counts: Iterable<readonly RowCount[]>) => {
  const tables = new Map<string, RowCount>();
  for (const { table, removed, cleared } of [...counts].flat()) {
    const before = tables.get(table) ?? { removed: 0, cleared: 0 };
    tables.set(table, { table, removed: before.removed + removed, cleared: before.cleared + cleared });
  }
  return [...tables.values()].toSorted((a, b) => (a.table < b.table ? -1 : 1));
};

/** PlanUserErasure: says what a purge would remove, and what would refuse it. */
export const planUserErasure =
  ({ db, freshness }: LifecycleDependencies): Operation<typeof method.planUserErasure> =>
  async (call, request) => {
    const { userId, consistency } = request;
    await freshness.check(call, consistency);
    const session = db.session(call);
    await requireUser(session, userId);
    const mergedUserIds = await mergedInto(session, [userId]);
    const users = [userId, ...mergedUserIds];
    const counts = summed((await countRows(session, users, true)).values());
    const hold = await session.row(sql<{ reason: string }>`select reason from user_hold where user_id = ${userId}`);
    return {
      plan: {
        counts: toCounts(counts),
        holdReason: hold?.reason ?? "",
        ownerlessOrganizationIds: await leftWithoutOwner(session, users.map(String)),
        mergedUserIds: [...mergedUserIds],
      },
    };
  };

/** SetUserHold: holds a user, or ends its hold. */
export const setUserHold =
  ({ write }: LifecycleDependencies): Operation<typeof method.setUserHold> =>
  (call, request) => {
    const { userId, reason } = request;
    return write(call, { method: method.setUserHold, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await requireUser(tx, userId);
      if (reason === "") await tx.rows(sql`delete from user_hold where user_id = ${userId}`);
      else
        await tx.rows(sql`
          insert into user_hold (user_id, reason) values (${userId}, ${reason}) on conflict (user_id) do update set reason = excluded.reason`);
      return { reason };
    });
  };

type ErasureRow = {
  readonly id: bigint;
  readonly erase_time: Date;
  readonly subject: string;
  readonly statement: string;
  readonly signature: Uint8Array;
};

/** The condition that an erasure is of what a request names. */
const isNamed = ({ userId, organizationId, projectId, teamId, accountId }: ListErasuresRequest, { subjectOf }: Receipts) => {
  const ids = { user: userId, organization: organizationId, project: projectId, team: teamId, account: accountId };
  const named = (Object.entries(ids) as [Erased["kind"], bigint][]).find(([, id]) => id !== 0n);
  return named === undefined ? sql`true` : sql`subject = ${subjectOf({ kind: named[0], id: named[1] })}`;
};

const kinds = {
  user: ErasedKind.USER,
  organization: ErasedKind.ORGANIZATION,
  project: ErasedKind.PROJECT,
  team: ErasedKind.TEAM,
  account: ErasedKind.ACCOUNT,
} as const satisfies Record<Erased["kind"], ErasedKind>;

/** ListErasures: reads one page of the erasures that were done, the latest first. */
export const listErasures =
  ({ db, freshness, pager, eraser }: LifecycleDependencies): Operation<typeof method.listErasures> =>
  async (call, request) => {
    const page = pager(call, ListErasuresRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [before] = page.after ?? [];
    const isAfter = before === undefined ? sql`true` : sql`id < ${before}::bigint`;
    const found = await db.session(call).rows(sql<ErasureRow>`
      select id, erase_time, subject, statement, signature from erasure
      where ${isNamed(request, eraser)} and ${isAfter} order by id desc limit ${page.size + 1}`);
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return {
      erasures: rows.map(({ id, erase_time, subject, statement, signature }) => ({
        ...{ id, subject, eraseTime: timestampFromDate(erase_time) },
        kind: kinds[kindOfStatement(JSON.parse(statement) as Statement)],
        receipt: toReceipt({ statement, signature, publicKey: eraser.publicKey }),
      })),
      nextPageToken,
    };
  };
