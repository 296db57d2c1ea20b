import { create } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { assertDistinct, type DomainError, invalidField, isAccepted, orRefusal } from "../errors.ts";
import type { BatchCreateUsersResponse } from "../gen/userd/v1/user_batch_pb.ts";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { refusedEntry } from "../status.ts";
import { writtenUser } from "./change-user.ts";
import { externalCanonicalName } from "./external-id.ts";
import { checkedUserOf, type NewUser } from "./new-user.ts";
import { requirePermission } from "./privileges.ts";
import { type Stored, storeUser, storeUsers } from "./store-users.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";

const { method } = UserService;

/** CreateUser: stores a user and, if an email is given, the email as an unverified address of the user. */
export const createUser =
  ({ write }: Dependencies): Operation<typeof method.createUser> =>
  (call, request) => {
    const { user } = request;
    if (user === undefined) throw invalidField("user", "is required");
    const checked = checkedUserOf(user);
    return write(call, { method: method.createUser, request, aggregates: [] }, async (tx) => {
      if (user.isStaff || user.isSuperuser) await requirePermission(tx, "users.admin");
      return { user: await writtenUser(tx, await storeUser(tx, checked)) };
    });
  };

/** The names of a new user, which no other one of its batch may have. */
const namesOf = (draft: NewUser | DomainError): string[] => {
  if (!isAccepted(draft)) return [];
  const { canonical, emails, columns } = draft;
  const externalId = columns.external_id;
  return [canonical, ...emails.map((email) => email.canonical), ...(externalId ? [externalCanonicalName(externalId)] : [])];
};

/** Removes all but ids and etags from an answer that would be too large: the caller has sent the rest, or it follows from that. */
const abridge = (answer: BatchCreateUsersResponse): void => {
  for (const { result } of answer.results) {
    if (result.case === "user") result.value = create(UserSchema, { id: result.value.id, etag: result.value.etag });
  }
  answer.abridged = true;
};

/** BatchCreateUsers: stores users by one transaction, with a fixed number of statements. A refused user does not affect the others. */
export const batchCreateUsers =
  ({ write }: Dependencies): Operation<typeof method.batchCreateUsers> =>
  (call, request) => {
    const drafts = request.users.map((user) => orRefusal(() => checkedUserOf(user)));
    assertDistinct(drafts.map(namesOf), "users", "has a username, address or external id of another one of the batch");
    const raises = request.users.some(({ isStaff, isSuperuser }) => isStaff || isSuperuser);
    return write(call, { method: method.batchCreateUsers, request, aggregates: [], abridge }, async (tx) => {
      if (raises) await requirePermission(tx, "users.admin");
      const stored = await storeUsers(tx, drafts.filter(isAccepted));
      const ids = stored.flatMap((outcome) => ("id" in outcome ? [String(outcome.id)] : []));
      const rows = await tx.rows(selectUsers(tx.sql, { full: true }).where(sql<boolean>`users.id = any(${ids}::bigint[])`));
      const byId = new Map(rows.map((row) => [row.id, row]));
      const resultOf = (outcome: Stored) => {
        if ("error" in outcome) return refusedEntry(outcome.error);
        const row = byId.get(outcome.id);
        if (row === undefined) throw new Error("A user that was just stored is not there.");
        return { result: { case: "user" as const, value: toUser(row) } };
      };
      const outcomes = stored.values();
      return {
        results: drafts.map((draft) => {
          const outcome = isAccepted(draft) ? outcomes.next().value : { error: draft };
          if (outcome === undefined) throw new Error("Every user that is stored has an outcome.");
          return resultOf(outcome);
        }),
      };
    });
  };
