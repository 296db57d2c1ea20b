import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { addAuthenticator } from "./add-authenticator.ts";
import { batchHas2fa } from "./batch-has-2fa.ts";
import { listAuthenticators } from "./list-authenticators.ts";
import { removeAuthenticator } from "./remove-authenticator.ts";

/** The RPCs of authenticators, one file each. */
export const authenticatorOperations = (app: Dependencies) =>
  ({
    addAuthenticator: addAuthenticator(app),
    removeAuthenticator: removeAuthenticator(app),
    listAuthenticators: listAuthenticators(app),
    batchHas2fa: batchHas2fa(app),
  }) satisfies Partial<Operations<typeof UserService>>;
