import { sql } from "kysely";
import { flagAggregates, touchAccounts } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Tx } from "../db/write.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { type User as UserMessage, UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { type User, UserEmail } from "../schema/user.entity.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { liveUser, writtenUser } from "./change-user.ts";
import type { UserDependencies } from "./dependencies.ts";
import { claimNames } from "./names.ts";
import { assertNewNames } from "./new-user.ts";
import { endPasswordResets } from "./password-resets.ts";
import { requireAdministrator, requirePowerOver } from "./powers.ts";
import { requirePermission } from "./privileges.ts";
import type { SystemUser } from "./system-user.ts";
import { NEWSLETTER_CONSENT_PROMPT } from "./user.mapping.ts";

type Update = { readonly tx: Tx; readonly systemUser: SystemUser; readonly row: User; readonly to: UserMessage };

/** Claims and sets username, external id and a first primary address together, since all names of a write are locked at once. */
const setNames = async ({ tx, systemUser, row, to }: Update, fields: ReadonlySet<string>): Promise<void> => {
  const email = fields.has("email") ? (to.email ?? "") : row.email;
  const username = fields.has("username") ? (to.username?.trim() ? to.username : email) : row.username;
  const renamed = username !== row.username;
  const addressed = email !== row.email;
  if (renamed && row.isManaged) throw failedPrecondition("USER_MANAGED", "The username of a managed user can't be changed.");
  if (renamed && username === "") throw invalidField("user.username", "must not be blank when there is no email");
  // Another address has to be verified before it can be the primary one.
  if (addressed && row.email !== "") {
    throw failedPrecondition("IMMUTABLE_FIELD", "The primary address can't be changed by UpdateUser.");
  }
  const externalId = fields.has("externalId") ? (to.externalId ?? "") : (row.externalId ?? "");
  const identified = externalId !== (row.externalId ?? "");
  if (!renamed && !addressed && !identified) return;
  assertNewNames({ ...(renamed && { username }), ...(addressed && { email }) });
  if (renamed && canonicalName(username) !== row.usernameCanonical) systemUser.refuse(row.username);
  await claimNames(tx, {
    userId: row.id,
    ...(renamed && { username, dropped: [row.username] }),
    ...(addressed && { email }),
    ...(identified && { externalIds: [externalId, row.externalId ?? ""].filter((one) => one !== "") }),
  });
  row.externalId = externalId === "" ? null : externalId;
  row.username = username;
  row.usernameCanonical = canonicalName(username);
  row.email = email;
  if (addressed) tx.em().create(UserEmail, { user: row.id, email, emailCanonical: canonicalName(email) });
};

/** Tells whether a flag of power goes from false to true. The other way needs no permission. */
const raises = ({ row, to }: Update, fields: ReadonlySet<string>): boolean =>
  (["isStaff", "isSuperuser"] as const).some((flag) => fields.has(flag) && to[flag] === true && !row[flag]);

/** Fields that are an administrator's, also where the acting user is the user itself. */
const administered = ["externalId", "isActive", "isManaged", "isUnclaimed", "isApp", "isPasswordExpired"] as const;

/** Fields by which a user is found when it signs in, or that decide whether it can. */
const identifying = ["username", "email", ...administered] as const;

/** Fields that accounts depend on: flags that decide who may see what, and the name that contacts have. */
const accountFields = ["isActive", "isStaff", "isSuperuser", "name"] as const;

/** Further fields that UpdateUser may write, one by one: the request never goes into the entity as it is. */
const setters: Readonly<Record<string, (update: Update) => Partial<User>>> = {
  name: ({ to }) => ({ name: to.name ?? "", nameCanonical: canonicalName(to.name ?? "") }),
  isActive: ({ to }) => ({ isActive: to.isActive ?? true }),
  isStaff: ({ to }) => ({ isStaff: to.isStaff ?? false }),
  isSuperuser: ({ to }) => ({ isSuperuser: to.isSuperuser ?? false }),
  isManaged: ({ to }) => ({ isManaged: to.isManaged ?? false }),
  isUnclaimed: ({ to }) => ({ isUnclaimed: to.isUnclaimed ?? false }),
  isApp: ({ to }) => ({ isApp: to.isApp ?? false }),
  isPasswordExpired: ({ to }) => ({ isPasswordExpired: to.isPasswordExpired ?? false }),
  newsletterConsentPrompt: ({ row, to }) => {
    const others = row.flags & ~NEWSLETTER_CONSENT_PROMPT;
    return { flags: to.newsletterConsentPrompt ? others | NEWSLETTER_CONSENT_PROMPT : others };
  },
};

/** Gives the contacts that were made for a user its new name; its accounts are locked already. */
const renameContacts = async (tx: Tx, userId: bigint, name: string): Promise<void> => {
  if (name === "") return;
  await tx.rows(sql`update account_contact set name = ${name} where user_id = ${userId} and name <> ${name}`);
};

/** UpdateUser: changes the fields of a user that the update_mask names; values equal to the stored ones are not written. */
export const updateUser =
  ({ write, systemUser }: UserDependencies): Operation<typeof UserService.method.updateUser> =>
  async (call, request) => {
    const { user: to } = request;
    if (to === undefined) throw invalidField("user", "is required");
    const fields = maskedFields(UserSchema, to, request.updateMask);
    const movesAccounts = accountFields.some((field) => fields.has(field));
    const aggregates = movesAccounts ? flagAggregates(to.id) : [userAggregate(to.id)];
    return write(call, { method: UserService.method.updateUser, request, aggregates }, async (tx) => {
      const row = await liveUser(tx, to.id);
      requireEtag(to.etag, etagOf(row), "user");
      const update: Update = { tx, systemUser, row, to };
      if (fields.has("isActive") && to.isActive === false) systemUser.refuse(row.username);
      if (raises(update, fields)) await requirePermission(tx, "users.admin");
      if (administered.some((field) => fields.has(field))) await requireAdministrator(tx, "these fields");
      if (identifying.some((field) => fields.has(field))) await requirePowerOver(tx, to.id);
      await setNames(update, fields);
      for (const [field, set] of Object.entries(setters)) if (fields.has(field)) Object.assign(row, set(update));
      await tx.em().flush();
      if (fields.has("name")) await renameContacts(tx, to.id, row.name);
      if (movesAccounts) await touchAccounts(tx, to.id);
      if (!row.isActive) await endPasswordResets(tx, to.id);
      return { user: await writtenUser(tx, to.id) };
    });
  };
