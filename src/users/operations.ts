import { authenticatorOperations } from "../authenticators/operations.ts";
import type { Operations } from "../call.ts";
import { credentialOperations } from "../credentials/operations.ts";
import type { Dependencies } from "../dependencies.ts";
import { emailOperations } from "../emails/operations.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { identityOperations } from "../identities/operations.ts";
import { roleOperations } from "../roles/operations.ts";
import { batchCreateUsers } from "./batch-create-users.ts";
import { createUser } from "./create-user.ts";
import { deactivateUser } from "./deactivate-user.ts";
import { deleteUser } from "./delete-user.ts";
import { getOrCreateUserByEmail } from "./get-or-create-user-by-email.ts";
import { getUser } from "./get-user.ts";
import { importUsers } from "./import-users.ts";
import { listUserIds } from "./list-user-ids.ts";
import { listUsers } from "./list-users.ts";
import { lookupUsers } from "./lookup-users.ts";
import { purgeUser } from "./purge-user.ts";
import { reactivateUser } from "./reactivate-user.ts";
import { recordActivity } from "./record-activity.ts";
import { setAvatar } from "./set-avatar.ts";
import { streamUsers } from "./stream-users.ts";
import { suspendUser } from "./suspend-user.ts";
import { undeleteUser } from "./undelete-user.ts";
import { unsuspendUser } from "./unsuspend-user.ts";
import { updateUser } from "./update-user.ts";

/** Every RPC of UserService, one file each; those of what belongs to users are in the folders of their features. */
export const userOperations = (app: Dependencies): Operations<typeof UserService> => ({
  createUser: createUser(app),
  getUser: getUser(app),
  updateUser: updateUser(app),
  lookupUsers: lookupUsers(app),
  ...emailOperations(app),
  ...credentialOperations(app),
  ...roleOperations(app),
  ...identityOperations(app),
  ...authenticatorOperations(app),
  listUsers: listUsers(app),
  listUserIds: listUserIds(app),
  streamUsers: streamUsers(app),
  batchCreateUsers: batchCreateUsers(app),
  importUsers: importUsers(app),
  getOrCreateUserByEmail: getOrCreateUserByEmail(app),
  deactivateUser: deactivateUser(app),
  reactivateUser: reactivateUser(app),
  suspendUser: suspendUser(app),
  unsuspendUser: unsuspendUser(app),
  setAvatar: setAvatar(app),
  recordActivity: recordActivity(app),
  deleteUser: deleteUser(app),
  undeleteUser: undeleteUser(app),
  purgeUser: purgeUser(app),
});
