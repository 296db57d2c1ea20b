import { findAccountConflicts, mergeAccounts } from "./steps/accounts.ts";
import { mergeBelongings } from "./steps/belongings.ts";
import { findConflicts, settleIds } from "./steps/conflicts.ts";
import { matchEmails, namePrimary, noteAmbiguous, writeEmails } from "./steps/emails.ts";
import { makeNamed } from "./steps/implied.ts";
import { mergeMembers } from "./steps/members.ts";
import { mergeOptions } from "./steps/options.ts";
import { mergeOrganizations, settleReplicas } from "./steps/organizations.ts";
import { giveOwnIds } from "./steps/own-ids.ts";
import { mergeParents } from "./steps/parents.ts";
import { namePermissions } from "./steps/permissions.ts";
import { analyze, bumpHandles, lockHandles, lockImports, lockSubjects, skipRepeatedKeys } from "./steps/prepare.ts";
import { forgetPlans } from "./steps/rows.ts";
import { lockScopes, mergeScopeOptions } from "./steps/scope-options.ts";
import { settleUsernames } from "./steps/usernames.ts";
import { matchUsers, writeUsers } from "./steps/users.ts";
import type { ImportTx } from "./transaction.ts";

type Step = { readonly name: string; readonly run: (tx: ImportTx) => Promise<unknown> };

/** Before conflicts are known nothing is written but temporary tables and locks. */
export const matching: readonly Step[] = [
  { name: "waiting for other imports", run: lockImports },
  { name: "preparing", run: analyze },
  { name: "giving ids", run: giveOwnIds },
  { name: "looking for repeated records", run: skipRepeatedKeys },
  { name: "settling replicas", run: settleReplicas },
  { name: "naming primary addresses", run: namePrimary },
  { name: "settling usernames", run: settleUsernames },
  { name: "locking scopes", run: lockScopes },
  { name: "locking users", run: lockSubjects },
  { name: "locking names", run: lockHandles },
  { name: "comparing users", run: findConflicts },
  { name: "comparing accounts", run: findAccountConflicts },
];

/** One statement after another, each over all rows of the file. */
export const writing: readonly Step[] = [
  { name: "assigning ids", run: settleIds },
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
  { name: "versioning names", run: bumpHandles },
  { name: "checking names", run: noteAmbiguous },
  { name: "finishing", run: forgetPlans },
];
