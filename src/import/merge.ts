import { findAccountConflicts, mergeAccounts } from "./steps/accounts.ts";
import { mergeBelongings } from "./steps/belongings.ts";
import { rememberOrigins, settleIds } from "./steps/conflicts.ts";
import { matchEmails, namePrimary, noteAmbiguous, writeEmails } from "./steps/emails.ts";
import { makeNamed } from "./steps/implied.ts";
import { rememberKinds, settleKinds } from "./steps/kind-ids.ts";
import { lockKinds } from "./steps/kind-locks.ts";
import { mergeKinds } from "./steps/kind-rows.ts";
import { mergeMembers } from "./steps/members.ts";
import { mergeOptions } from "./steps/options.ts";
import { mergeOrganizations, settleReplicas } from "./steps/organizations.ts";
import { mergeParents } from "./steps/parents.ts";
import { namePermissions } from "./steps/permissions.ts";
import { analyze, bumpCanonicalNames, lockAggregates, lockCanonicalNames, lockImports, skipRepeatedKeys } from "./steps/prepare.ts";
import { reserveForNew, reserveIds } from "./steps/reserve.ts";
import { forgetPlans } from "./steps/rows.ts";
import { lockScopes, mergeScopeOptions } from "./steps/scope-options.ts";
import { matchUsers, writeUsers } from "./steps/users.ts";
import type { ImportTx } from "./transaction.ts";

type Step = { readonly name: string; readonly run: (tx: ImportTx) => Promise<unknown> };

/**
 * The first steps of a merge. They wait for other imports, skip repeated records, and lock the scopes, users, kinds and canonical names that
 * the second steps compare with the file.
 */
export const preparing: readonly Step[] = [
  { name: "waiting for other imports", run: lockImports },
  { name: "preparing", run: analyze },
  { name: "looking for repeated records", run: skipRepeatedKeys },
  { name: "settling replicas", run: settleReplicas },
  { name: "naming primary addresses", run: namePrimary },
  { name: "locking scopes", run: lockScopes },
  { name: "locking users", run: lockAggregates },
  { name: "locking kinds", run: lockKinds },
  { name: "locking names", run: lockCanonicalNames },
];

/** The second steps of a merge. They compare the file with the database, find conflicts, and write only temporary tables. */
export const matching: readonly Step[] = [
  { name: "reserving ids", run: reserveForNew },
  { name: "comparing", run: settleIds },
  { name: "comparing accounts", run: findAccountConflicts },
  { name: "comparing kinds", run: settleKinds },
];

/** The last steps of a merge, which store the file. Each step works on all rows of the file at once. */
export const writing: readonly Step[] = [
  { name: "reserving ids", run: reserveIds },
  { name: "matching users", run: matchUsers },
  { name: "matching addresses", run: matchEmails },
  { name: "storing users", run: writeUsers },
  { name: "storing addresses", run: writeEmails },
  { name: "storing organizations", run: mergeOrganizations },
  { name: "storing members", run: mergeMembers },
  { name: "storing options", run: mergeOptions },
  { name: "storing options of scopes", run: mergeScopeOptions },
  { name: "naming permissions", run: namePermissions },
  { name: "making what is only named", run: makeNamed },
  { name: "storing roles and providers", run: mergeParents },
  { name: "storing what belongs to users", run: mergeBelongings },
  { name: "storing accounts", run: mergeAccounts },
  { name: "storing kinds", run: mergeKinds },
  { name: "remembering ids", run: rememberOrigins },
  { name: "remembering ids of kinds", run: rememberKinds },
  { name: "versioning names", run: bumpCanonicalNames },
  { name: "checking names", run: noteAmbiguous },
  { name: "finishing", run: forgetPlans },
];
