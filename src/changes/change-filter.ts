import { AuditOperationSchema } from "../gen/userd/v1/audit_entry_pb.ts";
import type { ChangeFilter } from "../gen/userd/v1/change_pb.ts";
import type { FeedChange } from "./feed-change.ts";

/** A filter of changes, prepared. */
export type CompiledFilter = {
  readonly matches: (change: FeedChange) => boolean;
  /** The aggregates that changes have to belong to, "KIND/ID"; undefined = any. */
  readonly aggregates: ReadonlySet<string> | undefined;
};

const options: ReadonlySet<string> = new Set(["user_option", "scope_option"]);

/** Returns the key of the option that a change is about; undefined = it is about no option. */
const optionKeyOf = ({ kind, key }: FeedChange): string | undefined => {
  if (!options.has(kind)) return undefined;
  const [scope = "", id = ""] = key.split("/", 2);
  return key.slice(scope.length + id.length + 2);
};

/** Returns the aggregates of the users, organizations and projects of a filter; undefined = it names none. */
const aggregatesOf = ({ userIds, organizationIds, projectIds }: ChangeFilter): ReadonlySet<string> | undefined => {
  if (userIds.length + organizationIds.length + projectIds.length === 0) return undefined;
  return new Set([
    ...userIds.map((id) => `user/${id}`),
    ...organizationIds.flatMap((id) => [`organization/${id}`, `kinds:organization/${id}`]),
    ...projectIds.map((id) => `project/${id}`),
  ]);
};

/** Prepares the filter of a request; absent = every change matches. */
export const compileFilter = (filter: ChangeFilter | undefined): CompiledFilter => {
  if (filter === undefined) return { matches: () => true, aggregates: undefined };
  const aggregates = aggregatesOf(filter);
  const kinds = new Set(filter.kinds);
  const operations = new Set(filter.operations.map((one) => AuditOperationSchema.value[one]?.localName.toLowerCase() ?? ""));
  const keys = new Set(filter.optionKeys);
  const aggregateKinds = new Set(filter.aggregateKinds);
  const conditions: ((change: FeedChange) => boolean)[] = [];
  if (aggregates !== undefined) conditions.push(({ aggregate }) => aggregates.has(aggregate));
  if (kinds.size > 0) conditions.push(({ kind }) => kinds.has(kind));
  if (operations.size > 0) conditions.push(({ operation }) => operations.has(operation));
  if (keys.size > 0) conditions.push((change) => keys.has(optionKeyOf(change) ?? ""));
  if (aggregateKinds.size > 0) conditions.push(({ aggregateKind }) => aggregateKinds.has(aggregateKind));
  return { matches: (change) => conditions.every((holds) => holds(change)), aggregates };
};
