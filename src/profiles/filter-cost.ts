import { failedPrecondition } from "../errors.ts";
import type { ProfileFilter, ProfileTerm, TextMatch } from "../gen/userd/v1/profile_filter_pb.ts";

/** The way in which a filter is served: by an index, by a walk that soon finds a page, or by looking at the text of every profile. */
type Cost = "index" | "walk" | "scan";

/** The fewest characters that an index of trigrams can find within a text. */
const INDEXED_LENGTH = 3;

const costOfText = ({ match: { case: how, value = "" } }: TextMatch): Cost => {
  if (how === "equals") return "index";
  if (value === "") return "walk";
  return [...value].length < INDEXED_LENGTH ? "scan" : "index";
};

const costOfTerm = ({ condition }: ProfileTerm): Cost => {
  switch (condition.case) {
    case "id":
    case "userId":
    case "accountId":
    case "tag":
    case "accountTag":
      return "index";
    // The names of profiles and the numbers of accounts are sorted: any beginning will do.
    case "name":
    case "accountNumber":
      return condition.value.match.case === "startsWith" ? "index" : costOfText(condition.value);
    case "description":
    case "username":
    case "userEmail":
    case "accountName":
      return costOfText(condition.value);
    case "version":
      return condition.value.match.case === "contains" && condition.value.match.value !== "" ? "scan" : "walk";
    default:
      return "walk";
  }
};

const costOf = ({ node }: ProfileFilter): Cost => {
  if (node.case === "term") return costOfTerm(node.value);
  const costs = (node.value?.filters ?? []).map(costOf);
  if (node.case === "allOf" && costs.includes("index")) return "index";
  // What few profiles have, most do not.
  if (node.case === "noneOf") return "walk";
  if (costs.includes("scan")) return "scan";
  return costs.includes("walk") || node.case === "allOf" ? "walk" : "index";
};

/** Conditions on other tables than the profiles' own, which each have indexes. */
const elsewhere: ReadonlySet<ProfileTerm["condition"]["case"]> = new Set([
  "username",
  "userEmail",
  "accountNumber",
  "accountName",
  "accountTag",
] as const);

const looksElsewhere = ({ node }: ProfileFilter): boolean =>
  node.case === "term" ? elsewhere.has(node.value.condition.case) : (node.value?.filters ?? []).some(looksElsewhere);

/**
 * Tells whether indexes serve all alternatives of an `any_of`, but some are indexes of other tables than user_profile. Joined by a plain OR,
 * such alternatives would read all rows.
 */
export const crossesTables = (filters: readonly ProfileFilter[]): boolean =>
  filters.length > 1 && filters.every((filter) => costOf(filter) === "index") && filters.some(looksElsewhere);

/** Checks that a filter can be served without reading the text of every profile. Throws FAILED_PRECONDITION QUERY_NOT_INDEXED. */
export const assertServed = (filter: ProfileFilter): void => {
  if (costOf(filter) !== "scan") return;
  throw failedPrecondition(
    "QUERY_NOT_INDEXED",
    `The filter would have to look at the text of every profile: text that is contained needs ${INDEXED_LENGTH} characters, a version can't be searched within, unless all_of has another condition beside it that an index serves.`,
  );
};
