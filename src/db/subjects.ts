import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { canonicalName } from "../names/canonical.ts";
import { type Aggregate, type AggregateKind, canonicalNameAggregate, userAggregate } from "../versions/aggregate.ts";

/** The kinds of aggregates with whose end kept answers are erased: those that persons have. */
const PERSONAL: ReadonlySet<AggregateKind> = new Set(["user", "account", "kinds:profile", "canonical_name"]);

/** Returns the names of aggregates by which kept answers are found, in the order in which they come, so that a claim and its answer have the same. */
export const subjectsOf = (aggregates: readonly Aggregate[]): readonly string[] => [
  ...new Set(aggregates.flatMap(({ kind, id }) => (PERSONAL.has(kind) ? [`${kind}/${id}`] : []))),
];

/** How a field says whom an answer names: by the id of a user, by an address, or by a message in it. */
type Naming = { readonly field: DescField; readonly as: "id" | "address" | "message" };

const known = new Map<DescMessage, readonly Naming[]>();

/** Returns the fields of a message that name users. Most have few, so that an answer costs little. */
const namingOf = (desc: DescMessage): readonly Naming[] => {
  const before = known.get(desc);
  if (before !== undefined) return before;
  // A message within itself, such as a JSON value, names nobody there.
  known.set(desc, []);
  const naming = desc.fields.flatMap((field): Naming[] => {
    if (field.name === "user_id" || (field.name === "id" && desc.typeName === "userd.v1.User")) return [{ field, as: "id" }];
    if (field.name === "email") return [{ field, as: "address" }];
    return field.message !== undefined && namingOf(field.message).length > 0 ? [{ field, as: "message" }] : [];
  });
  known.set(desc, naming);
  return naming;
};

const within = (answer: ReflectMessage): readonly Aggregate[] =>
  namingOf(answer.desc).flatMap(({ field, as }): readonly Aggregate[] => {
    if (!answer.isSet(field)) return [];
    const content: unknown = answer.get(field);
    if (as === "id") return typeof content === "bigint" ? [userAggregate(content)] : [];
    if (as === "address") return typeof content === "string" ? [canonicalNameAggregate(canonicalName(content))] : [];
    if (field.fieldKind === "message") return within(content as ReflectMessage);
    return field.fieldKind === "list" ? [...(content as Iterable<ReflectMessage>)].flatMap(within) : [];
  });

/** Returns the users and the names that an answer names. */
export const namedIn = (desc: DescMessage, answer: Message): readonly Aggregate[] =>
  namingOf(desc).length === 0 ? [] : within(reflect(desc, answer));
