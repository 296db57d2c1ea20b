import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { createPasswordReset } from "./create-password-reset.ts";
import { resetPassword } from "./reset-password.ts";
import { rotateSessionNonce } from "./rotate-session-nonce.ts";
import { setPassword } from "./set-password.ts";
import { verifyPassword } from "./verify-password.ts";

/** The RPCs of credentials, one file each. */
export const credentialOperations = (app: Dependencies) =>
  ({
    setPassword: setPassword(app),
    verifyPassword: verifyPassword(app),
    createPasswordReset: createPasswordReset(app),
    resetPassword: resetPassword(app),
    rotateSessionNonce: rotateSessionNonce(app),
  }) satisfies Partial<Operations<typeof UserService>>;
