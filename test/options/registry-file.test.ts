import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config.ts";
import { builtInDefinitions, loadDefinitions } from "../../src/options/registry/load.ts";
import { registryFile } from "./service-with.ts";

/** What is said of a file, without its name. */
const faultsOf = async (yaml: string): Promise<string[]> => {
  await using file = await registryFile(yaml);
  try {
    loadDefinitions(file.path);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").map((line) => line.replace(`${file.path}:`, ""));
    throw error;
  }
  return [];
};

const load = async (yaml: string) => {
  await using file = await registryFile(yaml);
  return loadDefinitions(file.path);
};

describe("a registry file that is broken is refused, with line and key", () => {
  test.for<[what: string, yaml: string, faults: string[]]>([
    ["no YAML", "a:\n  description: [", ["2: Flow sequence in block collection must be sufficiently indented and end with a ]"]],
    ["a tab", "a:\n\ttype: any", ["2: Tabs are not allowed as indentation"]],
    [
      "a key twice",
      "a: { description: A., type: any }\nb: { description: B., type: any }\na: { description: A., type: any }",
      ["3: Map keys must be unique"],
    ],
    [
      "integers that a double does not hold",
      "a:\n  description: A.\n  type: any\n  default: { id: 9007199254740993, ok: 9007199254740992, f: 0.1 }\nb:\n  description: B.\n  type: enum\n  values:\n    - -12345678901234567890",
      [
        "4: a whole number that a double does not hold exactly: write it as a string",
        "9: a whole number that a double does not hold exactly: write it as a string",
      ],
    ],
    ["a list", "- a\n- b", ["1: the file has to be a map of keys"]],
    ["a word", "hello", ["1: the file has to be a map of keys"]],
    [
      "a key that is none",
      "ok: { description: A., type: any }\na b: { description: A., type: any }",
      ["2: a b: a key is 1 to 64 letters, digits, _ - . or :"],
    ],
    ["a definition that is none", "a: 5", ["1: a: Invalid input: expected object, received number"]],
    ["an empty definition", "\na:\n", ["2: a: Invalid input: expected object, received null"]],
    ["an unknown field", "a:\n  description: A.\n  type: any\n  defualt: 1", ["4: a.defualt: there is no such field"]],
    [
      "a missing field",
      "a:\n  type: any\nb:\n  description: B.",
      [
        "1: a.description: Invalid input: expected string, received undefined",
        '3: b.type: Invalid option: expected one of "any"|"bool"|"int"|"number"|"string"|"enum"|"language"|"timezone"|"verified_email"|"object"|"list"',
      ],
    ],
    [
      "an unknown type",
      "a:\n  description: A.\n  type: colour",
      [
        '3: a.type: Invalid option: expected one of "any"|"bool"|"int"|"number"|"string"|"enum"|"language"|"timezone"|"verified_email"|"object"|"list"',
      ],
    ],
    [
      "an unknown scope",
      "a:\n  description: A.\n  type: any\n  scopes:\n    - user\n    - team",
      ['6: a.scopes.1: Invalid option: expected one of "user"|"organization"|"project"'],
    ],
    ["no scope", "a:\n  description: A.\n  type: any\n  scopes: []", ["4: a.scopes: Too small: expected array to have >=1 items"]],
    [
      "an unknown mode",
      "a:\n  description: A.\n  type: any\n  mode: maybe",
      ['4: a.mode: Invalid option: expected one of "enforce"|"warn"|"off"'],
    ],
    [
      "too large a size",
      "a:\n  description: A.\n  type: any\n  max_bytes: 70000",
      ["4: a.max_bytes: Too big: expected number to be <=65536"],
    ],
    ["an enum without values", "a:\n  description: A.\n  type: enum", ["3: a.type: enum needs values"]],
    ["values without an enum", "a:\n  description: A.\n  type: bool\n  values: [true]", ["4: a.values: go with the type enum only"]],
    ["a schema of a scalar", "a:\n  description: A.\n  type: int\n  schema: {}", ["4: a.schema: goes with the types object and list only"]],
    ["a merge of a list", "a:\n  description: A.\n  type: list\n  merge: object", ["4: a.merge: goes with the type object only"]],
    [
      "a default of an address",
      "a:\n  description: A.\n  type: verified_email\n  default: a@example.com",
      ["4: a.default: is the user's primary address"],
    ],
    ["a default that does not fit", "a:\n  description: A.\n  type: int\n  default: 1.5", ["4: a.default: has to be a whole number"]],
    [
      "a null default of what is not nullable",
      "a:\n  description: A.\n  type: bool\n  default: null",
      ["4: a.default: has to be true or false"],
    ],
    [
      "a default that is too large",
      'a:\n  description: A.\n  type: string\n  max_bytes: 3\n  default: "ab"',
      ["5: a.default: is larger than 3 bytes"],
    ],
    ["a default that can't be stored", 'a:\n  description: A.\n  type: string\n  default: "\\0"', ["4: a.default: holds a NUL character"]],
    [
      "a value that can't be stored",
      'a:\n  description: A.\n  type: enum\n  values:\n    - ok\n    - "\\0"',
      ["6: a.values.1: holds a NUL character"],
    ],
    [
      "a default that is too deep",
      `a:\n  description: A.\n  type: list\n  default: ${"[".repeat(25)}${"]".repeat(25)}`,
      ["4: a.default: is nested deeper than 24 levels"],
    ],
    [
      "a schema that is none",
      "a:\n  description: A.\n  type: object\n  schema: { properties: 5 }",
      ["4: a.schema: schema is invalid: data/properties must be object"],
    ],
    [
      "a misspelt keyword",
      "a:\n  description: A.\n  type: list\n  schema: { unique: true }",
      ['4: a.schema: strict mode: unknown keyword: "unique"'],
    ],
    [
      "an unknown format",
      "a:\n  description: A.\n  type: list\n  schema: { items: { format: email } }",
      ['4: a.schema: unknown format "email" ignored in schema at path "#/items"'],
    ],
    [
      "a reference to elsewhere",
      "a:\n  description: A.\n  type: object\n  schema: { $ref: 'https://example.com/x' }",
      ["4: a.schema: can't resolve reference https://example.com/x from id #"],
    ],
    ["an asynchronous schema", "a:\n  description: A.\n  type: object\n  schema: { $async: true }", ["4: a.schema: $async is not taken"]],
  ])("%s", async ([, yaml, faults]) => {
    expect(await faultsOf(yaml)).toEqual(faults);
  });

  test("all faults are named at once", async () => {
    expect(await faultsOf("a:\n  type: colour\n  mode: x\nb:\n  description: B.\n  type: int\n  default: x")).toHaveLength(4);
  });

  test("a file that is not there", () => {
    expect(() => loadDefinitions("/nowhere/definitions.yaml")).toThrow(/^The option definitions can't be read: ENOENT.*\/nowhere/);
  });
});

describe("a registry file", () => {
  test("may be empty", async () => {
    expect([...(await load("")).keys()]).toEqual([]);
    expect([...(await load("# nothing yet\n")).keys()]).toEqual([]);
  });

  test("takes any key, sorts them, and has defaults for most fields", async () => {
    const definitions = await load(
      '"z:z": { description: Z., type: any }\n"__proto__": { description: P., type: int, default: -0.0 }\n7: { description: Seven., type: any }',
    );
    expect([...definitions.keys()]).toEqual(["7", "__proto__", "z:z"]);
    expect(definitions.get("7")).toMatchObject({
      scopes: ["user"],
      mode: "enforce",
      max_bytes: 65_536,
      indexed: false,
      sensitive: false,
      nullable: false,
      deprecated: "",
    });
    expect(Object.is(definitions.get("__proto__")?.default, 0)).toBe(true);
  });

  test("may repeat itself by anchors", async () => {
    const definitions = await load("a: &x { description: A., type: bool, default: true }\nb: *x");
    expect(definitions.get("b")).toMatchObject({ key: "b", type: "bool", default: true });
  });

  test("may be loaded again, the $id of a schema too", async () => {
    await using file = await registryFile("a: { description: A., type: object, schema: { $id: 'urn:userd:a', minProperties: 1 } }");
    for (let round = 0; round < 3; round += 1) expect(loadDefinitions(file.path).get("a")?.check({})).toContain("fewer than 1");
  });

  test("the built-in one holds the catalogue of the documentation", () => {
    expect([...loadDefinitions(builtInDefinitions).keys()]).toEqual(
      [
        ...["theme", "language", "timezone", "stacktrace_order", "default_issue_event", "clock_24_hours"],
        ...["prefers_issue_details_streamlined_ui", "self_notifications", "self_assign_issue", "subscribe_by_default"],
        ...["mail:email", "issue:defaults", "deploy-emails", "reports:disabled-organizations", "feature:assignment"],
      ].sort(),
    );
  });

  test("the built-in one holds what a start does not look for in it: its schemas are JSON Schemas", () => {
    expect(loadDefinitions(fileURLToPath(builtInDefinitions)).size).toBe(loadDefinitions(builtInDefinitions).size);
  });
});

describe("what fits", () => {
  test.for<[yaml: string, fits: unknown[], misfits: unknown[]]>([
    ["type: any", [null, 1, "", {}, []], []],
    ["type: bool", [true, false], [0, "true", null]],
    ["type: int", [0, -5, 2 ** 53 - 1], [0.5, 2 ** 53, "1", null]],
    ["type: number", [0, 0.5, -1e300], ["1", null, true]],
    ["type: string", ["", "x"], [1, null]],
    ["type: string, nullable: true", ["", null], [1]],
    ["type: enum, values: [1, '2', [3], null]", [1, "2", [3], null], ["1", 2, 3, []]],
    [
      "type: language",
      ["en", "pt-BR", "pt-br", "zh-Hant-TW", "zh-hans", "de-1996", "es-419", "yue"],
      ["", "english language", "pt_BR", 5, "-en", "english", "xx", "de-QX", "de-Abcd", "und", "x-private"],
    ],
    [
      "type: timezone",
      ["UTC", "Europe/Vienna", "America/Argentina/Ushuaia", "Etc/GMT+3", "Europe/Kiev", "Europe/Kyiv", "US/Pacific", "EST5EDT"],
      ["Mars/Base", "+02:00", "", 0, "Europe", "PST", "IST", "europe/vienna", "SystemV/AST4", "ACT", "utc", "constructor", " UTC"],
    ],
    ["type: verified_email", ["a@example.com"], [1, null, {}]],
    ["type: object", [{}, { a: [1] }], [[], null, "{}"]],
    ["type: list", [[], [1, "2"]], [{}, null, "[]"]],
    ["type: list, schema: { items: { type: integer }, uniqueItems: true }", [[], [1, 2]], [[1, 1], ["1"], [1.5]]],
    [
      "type: object, schema: { properties: { constructor: { type: integer } }, additionalProperties: false }",
      [{ constructor: 1 }, {}],
      [{ constructor: "x" }, JSON.parse('{"__proto__":1}')],
    ],
  ])("%s", async ([yaml, fits, misfits]) => {
    const definition = (await load(`k: { description: K., ${yaml} }`)).get("k");
    expect(fits.filter((value) => definition?.check(value as never) !== undefined)).toEqual([]);
    expect(misfits.filter((value) => definition?.check(value as never) === undefined)).toEqual([]);
  });

  test("what is wrong is said without a word of the value", async () => {
    const schema = "additionalProperties: { type: integer }, propertyNames: { maxLength: 5 }";
    const definition = (await load(`k: { description: K., type: object, schema: { ${schema} } }`)).get("k");
    for (const value of [{ s3cret: 1 }, { s3: "cr3t" }, { s3: { s3cret: "s3cret" } }]) {
      const fault = definition?.check(value) ?? "";
      expect(fault).toMatch(/^does not fit its schema: it must /);
      expect(fault).not.toMatch(/s3|cr3t/);
    }
  });
});
