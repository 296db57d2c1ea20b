import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { addUserEmail } from "./add-user-email.ts";
import { createEmailVerification } from "./create-email-verification.ts";
import { listUserEmails } from "./list-user-emails.ts";
import { markEmailVerified } from "./mark-email-verified.ts";
import { removeUserEmail } from "./remove-user-email.ts";
import { setPrimaryEmail } from "./set-primary-email.ts";
import { verifyEmail } from "./verify-email.ts";
import { verifyUserEmails } from "./verify-user-emails.ts";

/** The RPCs of addresses, one file each. */
export const emailOperations = (app: Dependencies) =>
  ({
    listUserEmails: listUserEmails(app),
    addUserEmail: addUserEmail(app),
    removeUserEmail: removeUserEmail(app),
    setPrimaryEmail: setPrimaryEmail(app),
    createEmailVerification: createEmailVerification(app),
    verifyEmail: verifyEmail(app),
    markEmailVerified: markEmailVerified(app),
    verifyUserEmails: verifyUserEmails(app),
  }) satisfies Partial<Operations<typeof UserService>>;
