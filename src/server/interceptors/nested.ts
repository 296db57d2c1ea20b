import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** A message inside a request, and where it stands. */
export type Nested = { readonly desc: DescMessage; readonly message: Message; readonly path: string };

/** The types of the fields of a message. Those of protobuf itself, such as Struct, have no rules. */
const typesOf = ({ fields }: DescMessage): readonly DescMessage[] =>
  fields.flatMap(({ message }) => (message === undefined || message.typeName.startsWith("google.protobuf.") ? [] : [message]));

/** Returns all types that can stand inside a message. */
const reachableFrom = (root: DescMessage): ReadonlySet<DescMessage> => {
  const found = new Set<DescMessage>();
  const visit = (desc: DescMessage): void => {
    for (const type of typesOf(desc)) {
      if (found.has(type)) continue;
      found.add(type);
      visit(type);
    }
  };
  visit(root);
  return found;
};

/**
 * Makes the function that finds the messages which stand inside one of their own type, as filters inside filters do: protovalidate's plan for such a type
 * ends at the first one. Returns undefined for a request that has no such type.
 */
export const findNested = (input: DescMessage): ((request: Message) => readonly Nested[]) | undefined => {
  const recursive = new Set([...reachableFrom(input)].filter((type) => reachableFrom(type).has(type)));
  if (recursive.size === 0) return undefined;
  return (request) => {
    const found: Nested[] = [];
    const visit = (within: ReflectMessage, path: string, isInside: boolean): void => {
      for (const field of within.fields) {
        const { message: type } = field;
        if (type === undefined || !within.isSet(field) || !typesOf(within.desc).includes(type)) continue;
        const values =
          field.fieldKind === "message"
            ? [within.get(field)]
            : field.fieldKind === "list"
              ? [...(within.get(field) as Iterable<unknown>)]
              : [];
        for (const [index, value] of (values as ReflectMessage[]).entries()) {
          const at = `${path}${path === "" ? "" : "."}${field.name}${field.fieldKind === "list" ? `[${index}]` : ""}`;
          const isRecursive = recursive.has(type);
          if (isInside && isRecursive) found.push({ desc: type, message: value.message, path: at });
          visit(value, at, isInside || isRecursive);
        }
      }
    };
    visit(reflect(input, request), "", false);
    return found;
  };
};
