import type { Operations } from "../call.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Dependencies } from "../dependencies.ts";
import { notYet } from "../users/not-yet.ts";

/** The RPCs of credentials, one file each. */
export const credentialOperations = (_app: Dependencies) =>
  ({
    setPassword: notYet,
    verifyPassword: notYet,
    createPasswordReset: notYet,
    resetPassword: notYet,
    rotateSessionNonce: notYet,
  }) satisfies Partial<Operations<typeof UserService>>;
