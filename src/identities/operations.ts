import type { Operations } from "../call.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Dependencies } from "../dependencies.ts";
import { notYet } from "../users/not-yet.ts";

/** The RPCs of identities, one file each. */
export const identityOperations = (_app: Dependencies) =>
  ({
    createIdentityProvider: notYet,
    listIdentityProviders: notYet,
    linkIdentity: notYet,
    unlinkIdentity: notYet,
    listIdentities: notYet,
    createAuthProvider: notYet,
    listAuthProviders: notYet,
    linkAuthIdentity: notYet,
    unlinkAuthIdentity: notYet,
    listAuthIdentities: notYet,
  }) satisfies Partial<Operations<typeof UserService>>;
