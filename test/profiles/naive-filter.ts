import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProfileFilterSchema, ProfileTermSchema, TextMatchSchema } from "../../src/gen/userd/v1/profile_filter_pb.ts";

/** A filter, as clients write it. */
export type Filter = MessageInitShape<typeof ProfileFilterSchema>;
/** A condition, as clients write it. */
export type Condition = NonNullable<MessageInitShape<typeof ProfileTermSchema>["condition"]>;

/** All that filters ask of a profile, in memory. */
export type Candidate = {
  readonly id: bigint;
  readonly userId: bigint;
  readonly accountId: bigint;
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly isTest: boolean;
  readonly user: {
    readonly username: string;
    readonly email: string;
    readonly isActive: boolean;
    readonly isStaff: boolean;
    readonly isSuperuser: boolean;
  };
  readonly account: { readonly number: string; readonly name: string; readonly tags: readonly string[]; readonly isDefault: boolean };
};

const fits = (text: string, { match }: MessageInitShape<typeof TextMatchSchema>): boolean => {
  if (match?.case === "equals") return text === match.value;
  if (match?.case === "startsWith") return text.startsWith(match.value);
  return match?.case === "contains" && text.includes(match.value);
};

const folded = (text: string): string => text.normalize("NFC").toLowerCase();
const foldedMatch = ({ match }: MessageInitShape<typeof TextMatchSchema>) =>
  ({ match: match && { ...match, value: folded(match.value ?? "") } }) as MessageInitShape<typeof TextMatchSchema>;
const hasTag = (tags: readonly string[], tag: string): boolean => tags.some((one) => folded(one) === folded(tag));

const meets = (one: Candidate, condition: Condition): boolean => {
  switch (condition.case) {
    case "id":
      return (condition.value.ids ?? []).includes(one.id);
    case "userId":
      return (condition.value.ids ?? []).includes(one.userId);
    case "accountId":
      return (condition.value.ids ?? []).includes(one.accountId);
    case "name":
      return fits(one.name, condition.value);
    case "description":
      return fits(one.description, condition.value);
    case "version":
      return fits(one.version, condition.value);
    case "tag":
      return hasTag(one.tags, condition.value);
    case "isTest":
      return one.isTest === condition.value;
    case "username":
      return fits(folded(one.user.username), foldedMatch(condition.value));
    case "userEmail":
      return one.user.email !== "" && fits(folded(one.user.email), foldedMatch(condition.value));
    case "userIsActive":
      return one.user.isActive === condition.value;
    case "userIsStaff":
      return one.user.isStaff === condition.value;
    case "userIsSuperuser":
      return one.user.isSuperuser === condition.value;
    case "accountNumber":
      return fits(one.account.number, condition.value);
    case "accountName":
      return fits(one.account.name, condition.value);
    case "accountTag":
      return hasTag(one.account.tags, condition.value);
    case "accountIsDefault":
      return one.account.isDefault === condition.value;
    default:
      throw new Error(`The model does not know ${condition.case}.`);
  }
};

/** Whether a profile passes a filter: what the API says of filters, as plainly as possible. */
export const passes = (one: Candidate, { node }: Filter): boolean => {
  switch (node?.case) {
    case "allOf":
      return (node.value.filters ?? []).every((filter) => passes(one, filter));
    case "anyOf":
      return (node.value.filters ?? []).some((filter) => passes(one, filter));
    case "noneOf":
      return !(node.value.filters ?? []).some((filter) => passes(one, filter));
    case "term":
      return meets(one, node.value.condition ?? { case: undefined });
    default:
      throw new Error("A node is always something.");
  }
};
