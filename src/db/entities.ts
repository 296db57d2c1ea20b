import { Change } from "../changes/change.entity.ts";
import { UserEmail } from "../emails/user-email.entity.ts";
import { UserOption } from "../options/user-option.entity.ts";
import { UserSchema } from "../users/user.entity.ts";
import { UserActivity } from "../users/user-activity.entity.ts";
import { Handle } from "./handle.entity.ts";
import { Idempotency } from "./idempotency.entity.ts";
import { SubjectVersion } from "./subject-version.entity.ts";

/** Every table of the schema. */
export const entities = [UserSchema, UserActivity, UserEmail, UserOption, Change, SubjectVersion, Handle, Idempotency] as const;
