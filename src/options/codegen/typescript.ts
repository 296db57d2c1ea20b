import { OptionType } from "../../gen/userd/v1/option_definition_pb.ts";
import { type Accessor, assertDistinct, capital, type GeneratedFile, HEADER, identifier, types } from "./accessor.ts";

const typeOf = ({ type, literals, nullable }: Accessor): string => {
  const isUnion = literals.every((literal) => typeof literal !== "object" || literal === null);
  const bare =
    type !== OptionType.ENUM
      ? (types[type]?.typescript ?? "JsonValue")
      : isUnion
        ? literals.map((literal) => JSON.stringify(literal)).join(" | ")
        : "JsonValue";
  return nullable && bare !== "JsonValue" ? `${bare} | null` : bare;
};

const scopeOf = ({ scopes }: Accessor): string =>
  [...(scopes.user ? ["Globally"] : []), ...(scopes.project ? ["InProject"] : []), ...(scopes.organization ? ["InOrganization"] : [])].join(
    " | ",
  );

const nameOf = ({ words: [first = "", ...rest] }: Accessor): string =>
  identifier(first.charAt(0).toLowerCase() + first.slice(1) + rest.map(capital).join(""));

const commentOf = ({ description, deprecated }: Accessor): string => {
  const text = deprecated === "" ? description : `${description}\n   * @deprecated ${deprecated}`;
  return `  /** ${text.replaceAll("*/", "* /")} */`;
};

const methodOf = (accessor: Accessor): string[] => {
  const absent = accessor.hasDefault ? "" : ", undefined";
  const types = `${typeOf(accessor)}, ${scopeOf(accessor)}${absent}`;
  return [commentOf(accessor), `  ${nameOf(accessor)}: option<${types}>(client, ${JSON.stringify(accessor.key)}),`];
};

/** The part of the file that does not depend on the definitions. */
const preamble = `// ${HEADER}
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";

/** The scope argument of \`set\` for the user's global scope: an object without fields. */
export type Globally = Record<never, never>;
/** The scope argument of \`set\` for one project. */
export type InProject = { projectId: bigint };
/** The scope argument of \`set\` for one organization. */
export type InOrganization = { organizationId: bigint };

/** The methods of a Connect client of userd.v1.UserOptionService that the accessors call. */
export type OptionClient = {
  resolveOptions(request: { userIds: bigint[]; keys: string[]; projectId?: bigint; organizationId?: bigint }): Promise<{
    results: { userFound: boolean; options: { value?: Value | undefined }[] }[];
  }>;
  setOption(request: { userId: bigint; key: string; value: Value; projectId?: bigint; organizationId?: bigint }): Promise<unknown>;
};

/** The accessor of one option: calling it reads the effective value, or Absent if no level has one; \`set\` stores the user's own value. */
export type Option<Value, Scope, Absent = never> = {
  (userId: bigint, scope?: Partial<InProject & InOrganization>): Promise<Value | Absent>;
  set(userId: bigint, value: Value, ...scope: Globally extends Scope ? [scope?: Scope] : [scope: Scope]): Promise<void>;
};

// What was stored before its definition was tightened is returned as it is.
const option = <Json extends JsonValue, Scope, Absent = never>(client: OptionClient, key: string): Option<Json, Scope, Absent> =>
  Object.assign(
    async (userId: bigint, scope: Partial<InProject & InOrganization> = {}) => {
      const { results } = await client.resolveOptions({ userIds: [userId], keys: [key], ...scope });
      if (!results[0]?.userFound) throw new Error("There is no such user.");
      const value = results[0].options[0]?.value;
      return (value && toJson(ValueSchema, value)) as Json | Absent;
    },
    {
      set: async (userId: bigint, value: Json, ...[scope]: [scope?: unknown]) => {
        await client.setOption({ userId, key, value: fromJson(ValueSchema, value), ...(scope as object) });
      },
    },
  );
`;

/** Generates a file of typed accessors for TypeScript, which call a Connect client. */
export const typescript = (accessors: readonly Accessor[]): GeneratedFile => {
  assertDistinct(accessors.map((accessor) => [nameOf(accessor), accessor.key]));
  const text = `${preamble}
/** Makes an accessor for each option: \`options.name(userId)\` reads the effective value. */
export const createOptions = (client: OptionClient) => ({
${accessors.flatMap(methodOf).join("\n")}
});
`;
  return { name: "options.ts", text };
};
