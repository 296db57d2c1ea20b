import { findAccountConflicts, mergeAccounts } from "./steps/accounts.ts";
import { mergeBelongings } from "./steps/belongings.ts";
import { rememberOrigins, settleIds } from "./steps/conflicts.ts";
import { matchEmails, namePrimary, noteAmbiguous, writeEmails } from "./steps/emails.ts";
import { makeNamed } from "./steps/implied.ts";
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
 * The steps before the comparison: they wait for other imports, and lock what the file can touch. What is compared under the locks
 * stays as it is.
 */
export const preparing: readonly Step[] = [
  { name: "waiting for other imports", run: lockImports },
  { name: "preparing", run: analyze },
  { name: "looking for repeated records", run: skipRepeatedKeys },
  { name: "settling replicas", run: settleReplicas },
  { name: "naming primary addresses", run: namePrimary },
  { name: "locking scopes", run: lockScopes },
  { name: "locking users", run: lockAggregates },
  { name: "locking names", run: lockCanonicalNames },
];

/**
 * The steps that compare the file with the database. They write nothing but temporary tables, since conflicts are not known yet. An
 * import that stops at conflicts draws no ids in them, except for users without a key.
 */
export const matching: readonly Step[] = [
  { name: "reserving ids", run: reserveForNew },
  { name: "comparing", run: settleIds },
  { name: "comparing accounts", run: findAccountConflicts },
];

/** The steps that store the file: one statement after another, each over all rows of the file. */
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
  { name: "remembering ids", run: rememberOrigins },
  { name: "versioning names", run: bumpCanonicalNames },
  { name: "checking names", run: noteAmbiguous },
  { name: "finishing", run: forgetPlans },
];
