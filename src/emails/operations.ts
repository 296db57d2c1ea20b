import type { Operations } from "../call.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Dependencies } from "../dependencies.ts";
import { notYet } from "../users/not-yet.ts";

/** The RPCs of emails, one file each. */
export const emailOperations = (_app: Dependencies) =>
  ({
    listUserEmails: notYet,
    addUserEmail: notYet,
    removeUserEmail: notYet,
    setPrimaryEmail: notYet,
    createEmailVerification: notYet,
    verifyEmail: notYet,
    verifyUserEmails: notYet,
  }) satisfies Partial<Operations<typeof UserService>>;
