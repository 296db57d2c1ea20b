import type { Operations } from "../call.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Dependencies } from "../dependencies.ts";
import { notYet } from "../users/not-yet.ts";

/** The RPCs of authenticators, one file each. */
export const authenticatorOperations = (_app: Dependencies) =>
  ({
    addAuthenticator: notYet,
    removeAuthenticator: notYet,
    listAuthenticators: notYet,
    batchHas2fa: notYet,
  }) satisfies Partial<Operations<typeof UserService>>;
