import type { JsonValue } from "@bufbuild/protobuf";
import { OptionType } from "../../gen/userd/v1/option_definition_pb.ts";
import { type Accessor, assertDistinct, type GeneratedFile, HEADER, identifier, types } from "./accessor.ts";

const keywords = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(
    " ",
  ),
);

const literalOf = (value: JsonValue): string | undefined => {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string" || Number.isSafeInteger(value)) return JSON.stringify(value);
  return undefined;
};

const typeOf = ({ type, literals, nullable }: Accessor): string => {
  const names = literals.map(literalOf);
  const bare =
    type !== OptionType.ENUM ? (types[type]?.python ?? "Any") : names.includes(undefined) ? "Any" : `Literal[${names.join(", ")}]`;
  return nullable && bare !== "Any" ? `${bare} | None` : bare;
};

const nameOf = ({ words }: Accessor): string => {
  const name = identifier(words.map((word) => word.toLowerCase()).join("_"));
  return keywords.has(name) ? `${name}_` : name;
};

/** The parameters by name for the scopes in which a value can be set; a parameter that has to be given has no default. */
const scopeOf = ({ scopes: { user, organization, project } }: Accessor): readonly [parameters: string, argument: string] => {
  const isChoice = user || (project && organization);
  const names = [...(project ? ["project_id"] : []), ...(organization ? ["organization_id"] : [])];
  if (names.length === 0) return ["", ""];
  return [
    `, *, ${names.map((name) => `${name}: int${isChoice ? " = 0" : ""}`).join(", ")}`,
    names.map((name) => `, ${name}=${name}`).join(""),
  ];
};

const docOf = ({ description, deprecated }: Accessor): string => {
  const text = deprecated === "" ? description : `${description} Deprecated: ${deprecated}`;
  return `"""${text.replaceAll("\\", "\\\\").replaceAll('"""', "'''").replace(/"$/, '\\"')}"""`;
};

const methodsOf = (accessor: Accessor): string => {
  const [name, type, key] = [nameOf(accessor), typeOf(accessor), JSON.stringify(accessor.key)];
  const read = accessor.hasDefault || type === "Any" || accessor.nullable ? type : `${type} | None`;
  const resolved = `self._resolve(${key}, user_id, project_id, organization_id)`;
  // JSON has one kind of number, Python two.
  const convert = read.endsWith("None")
    ? `value = ${resolved}\n        return None if value is None else int(value)`
    : `return int(${resolved})`;
  const result = accessor.type === OptionType.INT ? convert : `return ${resolved}`;
  const [parameters, argument] = scopeOf(accessor);
  return `
    def ${name}(self, user_id: int, *, project_id: int = 0, organization_id: int = 0) -> ${read}:
        ${docOf(accessor)}
        ${result}

    def set_${name}(self, user_id: int, value: ${type}${parameters}) -> None:
        """Sets the user's own value."""
        self._set(${key}, user_id, value${argument})
`;
};

/** The part of the file that does not depend on the definitions. */
const preamble = `# ${HEADER}
"""The options of users: \`\`Options(stub).name(user_id)\`\` is the effective value."""

from typing import Any, Literal

from google.protobuf import json_format, struct_pb2
from userd.v1 import user_option_service_pb2, user_option_service_pb2_grpc


class Options:
    """Typed accessors over a UserOptionServiceStub.

    What was stored before its definition was tightened is returned as it is.
    """

    def __init__(self, stub: user_option_service_pb2_grpc.UserOptionServiceStub, timeout: float | None = None) -> None:
        self._stub = stub
        self._timeout = timeout

    def _resolve(self, key: str, user_id: int, project_id: int, organization_id: int) -> Any:
        request = user_option_service_pb2.ResolveOptionsRequest(
            user_ids=[user_id], keys=[key], project_id=project_id, organization_id=organization_id
        )
        result = self._stub.ResolveOptions(request, timeout=self._timeout).results[0]
        if not result.user_found:
            raise LookupError("There is no such user.")
        option = result.options[0]
        return json_format.MessageToDict(option.value) if option.found else None

    def _set(self, key: str, user_id: int, value: Any, project_id: int = 0, organization_id: int = 0) -> None:
        request = user_option_service_pb2.SetOptionRequest(
            user_id=user_id,
            key=key,
            value=json_format.ParseDict(value, struct_pb2.Value()),
            project_id=project_id,
            organization_id=organization_id,
        )
        self._stub.SetOption(request, timeout=self._timeout)
`;

/** Generates a file of typed accessors for Python, which call the stubs of grpcio. */
export const python = (accessors: readonly Accessor[]): GeneratedFile => {
  assertDistinct(
    accessors.flatMap((accessor) => [nameOf(accessor), `set_${nameOf(accessor)}`].map((name) => [name, accessor.key] as const)),
  );
  return { name: "user_options.py", text: preamble + accessors.map(methodsOf).join("") };
};
