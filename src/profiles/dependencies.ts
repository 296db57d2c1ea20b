import type { Holders } from "../access/holders.ts";
import type { Dependencies } from "../dependencies.ts";
import type { BasicUsers } from "../users/user.lookup.ts";
import type { Accounts, AccountsByNumber } from "./account.lookup.ts";
import type { FirstProfiles, Profiles, ProfilesByName } from "./profile.lookup.ts";

/** The lookups through the cache that show what a profile refers to. */
export type ExpansionSources = { readonly basicUsers: BasicUsers; readonly accounts: Accounts };

/** What operations of accounts and profiles depend on: `Dependencies`, and the lookups of accounts and profiles through the cache. */
export type ProfileDependencies = Dependencies &
  ExpansionSources & {
    readonly holders: Holders;
    readonly profiles: Profiles;
    readonly profilesByName: ProfilesByName;
    readonly firstProfiles: FirstProfiles;
    readonly accountsByNumber: AccountsByNumber;
  };
