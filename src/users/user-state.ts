import type { EntityData } from "@mikro-orm/core";
import { flagAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import { invalidField } from "../errors.ts";
import { AvatarType } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { afterDays } from "../moment.ts";
import type { User } from "../schema/user.entity.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { changeAnyUser, changeUser } from "./change-user.ts";
import type { UserDependencies } from "./dependencies.ts";
import type { SystemUser } from "./system-user.ts";
import { storedAvatarType } from "./user.mapping.ts";
import { requireUnmerged } from "./writable-user.ts";

const { method } = UserService;

/** Makes the body of a write that sets properties of a user, unless it is the system user that `spared` names. */
const setting = (id: bigint, values: EntityData<User>, spared?: SystemUser) => async (tx: Tx) => ({
  user: await changeUser(tx, id, (row) => {
    spared?.refuse(row.username);
    Object.assign(row, values);
  }),
});

/** DeactivateUser: makes a user inactive, so that it can't sign in. */
export const deactivateUser =
  ({ write, systemUser }: UserDependencies): Operation<typeof method.deactivateUser> =>
  (call, request) => {
    const plan = { method: method.deactivateUser, request, aggregates: flagAggregates(request.id) };
    return write(call, plan, setting(request.id, { isActive: false }, systemUser));
  };

/** ReactivateUser: makes a user active, so that it can sign in again. */
export const reactivateUser =
  ({ write }: UserDependencies): Operation<typeof method.reactivateUser> =>
  (call, request) => {
    const plan = { method: method.reactivateUser, request, aggregates: flagAggregates(request.id) };
    return write(call, plan, setting(request.id, { isActive: true }));
  };

/** SuspendUser: suspends a user, so that it can't sign in until it is unsuspended. */
export const suspendUser =
  ({ write, systemUser }: UserDependencies): Operation<typeof method.suspendUser> =>
  (call, request) => {
    const plan = { method: method.suspendUser, request, aggregates: flagAggregates(request.id) };
    return write(call, plan, setting(request.id, { isSuspended: true }, systemUser));
  };

/** UnsuspendUser: ends the suspension of a user. */
export const unsuspendUser =
  ({ write }: UserDependencies): Operation<typeof method.unsuspendUser> =>
  (call, request) => {
    const plan = { method: method.unsuspendUser, request, aggregates: flagAggregates(request.id) };
    return write(call, plan, setting(request.id, { isSuspended: false }));
  };

/** DeleteUser: marks a user as deleted and ends its sessions. UndeleteUser can undo it until the purge (lifecycle/purger.ts). */
export const deleteUser =
  ({ write, systemUser, purgeAfterDays }: UserDependencies): Operation<typeof method.deleteUser> =>
  (call, request) => {
    const { id, etag } = request;
    return write(call, { method: method.deleteUser, request, aggregates: flagAggregates(id) }, async (tx) => ({
      user: await changeUser(tx, id, (row) => {
        systemUser.refuse(row.username);
        requireEtag(etag, etagOf(row), "user");
        row.deleteTime = new Date();
        row.purgeTime = afterDays(row.deleteTime, purgeAfterDays);
        row.sessionNonce = newSessionNonce();
      }),
    }));
  };

/** UndeleteUser: restores a deleted user. The names of a deleted user stay reserved, so nobody else has them. */
export const undeleteUser =
  ({ write }: UserDependencies): Operation<typeof method.undeleteUser> =>
  (call, request) =>
    write(call, { method: method.undeleteUser, request, aggregates: flagAggregates(request.id) }, async (tx) => ({
      user: await changeAnyUser(tx, request.id, (row) => {
        requireUnmerged(row.mergedIntoUserId ?? null);
        Object.assign(row, { deleteTime: null, purgeTime: null });
      }),
    }));

/** SetAvatar: stores the type of an avatar and the URL of its picture, and never fetches the picture. */
export const setAvatar =
  ({ write }: UserDependencies): Operation<typeof method.setAvatar> =>
  (call, request) => {
    const { userId, type, url } = request;
    if (type === AvatarType.UPLOAD && url === "") throw invalidField("url", "is required for an uploaded picture");
    if (type !== AvatarType.UPLOAD && url !== "") throw invalidField("url", "must be empty unless the picture is uploaded");
    if (url !== "" && !/^https?:\/\//i.test(url)) throw invalidField("url", "must begin with http:// or https://");
    const values = { avatarType: storedAvatarType(type), avatarUrl: url === "" ? null : url };
    return write(call, { method: method.setAvatar, request, aggregates: [userAggregate(userId)] }, setting(userId, values));
  };
