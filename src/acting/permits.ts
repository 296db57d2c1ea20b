import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { AccessUsers } from "../access/access.lookup.ts";
import type { Freshness } from "../cache/freshness.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import { type ActingRule, actingRulesOf, isAboutUsers, isSilent } from "../contract/acting.ts";
import type { WriteSession } from "../db/idempotency.ts";
import type { Database } from "../db/orm.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { ActingNeed } from "../gen/userd/v1/options_pb.ts";
import type { ActingSettings } from "./levels.ts";
import { permit } from "./permit.ts";

/** The functions that hold calls to the rules for acting users. */
export type Permits = {
  /** Checks a call before its operation runs: a read, or a write that does something before its transaction. The cache answers where it can. */
  readonly before: (call: Call, method: DescMethod, request: Message) => MaybePromise<void>;
  /** Checks a write in its transaction. */
  readonly within: (tx: WriteSession, method: DescMethod, request: Message) => Promise<void> | undefined;
};

const isAll = (ids: readonly unknown[], self: bigint): boolean => ids.length > 0 && ids.every((id) => id === self);

/** Tells whether a rule is met by everybody who is present and by this user in particular, so that the database need not be asked. */
const isMetBy = ({ need, valuesAt }: ActingRule, request: Message, self: bigint): boolean => {
  if (need === ActingNeed.ANYBODY || need === ActingNeed.BEARER || need === ActingNeed.RESOURCE) return true;
  return isAboutUsers(need) && isAll(valuesAt(request), self);
};

/** Tells whether all rules are met by this user, without asking the database. */
const areMetBy = (rules: readonly ActingRule[], request: Message, self: bigint): boolean => {
  const asking = rules.filter((rule) => !isSilent(rule, request));
  return asking.length > 0 && asking.every((rule) => isMetBy(rule, request, self));
};

/** Makes the functions that hold calls to the rules for acting users, for the settings READ_POLICY and SCOPE_CHECK. */
export const createPermits = (
  { db, freshness, accessUsers }: { readonly db: Database; readonly freshness: Freshness; readonly accessUsers: AccessUsers },
  settings: ActingSettings,
): Permits => ({
  before: (call, method, request) => {
    const { actingUserId: self } = call;
    const ask = () => permit(settings, db.session(call), call, method, request);
    if (self === undefined || !areMetBy(actingRulesOf(method), request, self)) return ask();
    const reading = freshness.reading((request as { readonly consistency?: Consistency }).consistency);
    // Only the database says no: what is cached may be older than the user.
    return whenReady(accessUsers.get(call, self, reading), ({ standing }) => (standing === "nobody" ? ask() : undefined));
  },
  within: (tx, method, request) => permit(settings, tx, tx.call, method, request),
});
