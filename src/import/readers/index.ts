import type { Reader } from "../reader.ts";
import { authUser } from "./auth-user.ts";
import { sentryControlOption, sentryOption } from "./sentry-option.ts";
import { sentryOrganizationOption } from "./sentry-organizationoption.ts";
import { sentryProjectOption } from "./sentry-projectoption.ts";
import { sentryUser } from "./sentry-user.ts";
import { sentryUserEmail } from "./sentry-useremail.ts";
import { sentryUserOption } from "./sentry-useroption.ts";

/** Every model that an import reads. A further one is a file here, its line, and a step of the merge. */
export const readers: readonly Reader[] = [
  sentryUser,
  authUser,
  sentryUserEmail,
  sentryUserOption,
  sentryOption,
  sentryControlOption,
  sentryOrganizationOption,
  sentryProjectOption,
];
