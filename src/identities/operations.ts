import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { createAuthProvider } from "./create-auth-provider.ts";
import { createIdentityProvider } from "./create-identity-provider.ts";
import { deleteAuthProvider } from "./delete-auth-provider.ts";
import { deleteIdentityProvider } from "./delete-identity-provider.ts";
import { linkAuthIdentity } from "./link-auth-identity.ts";
import { linkIdentity } from "./link-identity.ts";
import { listAuthIdentities } from "./list-auth-identities.ts";
import { listAuthProviders } from "./list-auth-providers.ts";
import { listIdentities } from "./list-identities.ts";
import { listIdentityProviders } from "./list-identity-providers.ts";
import { unlinkAuthIdentity } from "./unlink-auth-identity.ts";
import { unlinkIdentity } from "./unlink-identity.ts";
import { updateAuthProvider } from "./update-auth-provider.ts";
import { updateIdentityProvider } from "./update-identity-provider.ts";

/** The RPCs of identities and their providers, one file each. */
export const identityOperations = (app: Dependencies) =>
  ({
    createIdentityProvider: createIdentityProvider(app),
    listIdentityProviders: listIdentityProviders(app),
    updateIdentityProvider: updateIdentityProvider(app),
    deleteIdentityProvider: deleteIdentityProvider(app),
    linkIdentity: linkIdentity(app),
    unlinkIdentity: unlinkIdentity(app),
    listIdentities: listIdentities(app),
    createAuthProvider: createAuthProvider(app),
    listAuthProviders: listAuthProviders(app),
    updateAuthProvider: updateAuthProvider(app),
    deleteAuthProvider: deleteAuthProvider(app),
    linkAuthIdentity: linkAuthIdentity(app),
    unlinkAuthIdentity: unlinkAuthIdentity(app),
    listAuthIdentities: listAuthIdentities(app),
  }) satisfies Partial<Operations<typeof UserService>>;
