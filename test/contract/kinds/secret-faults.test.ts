import type { MessageInitShape } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { FieldBehavior } from "../../../src/gen/google/api/field_behavior_pb.ts";
import { KindDeletion, type KindFieldSchema, KindReferenceDeletion, KindScope, KindSecrecy } from "../../../src/gen/userd/v1/kind_pb.ts";
import { type FaultySet, faultsOf } from "./faulty-set.ts";

const { SEALED, HASHED } = KindSecrecy;
const plain = { scope: KindScope.PARENT, deletion: KindDeletion.HARD, readPermission: "a.read", writePermission: "a.write" };
const sealed = { ...plain, revealPermission: "a.reveal" };
const hashed = { ...plain, verifyPermission: "a.verify" };

type Field = MessageInitShape<typeof KindFieldSchema>;

/** Adds a text to deploys, with these options and behaviors. */
const add = (set: FaultySet, name: string, options: Field, behavior: FieldBehavior, type = FieldDescriptorProto_Type.STRING): void => {
  set.addField("Deploy", { name, type, proto3Optional: true, oneofIndex: set.message("Deploy").oneofDecl.length });
  set.message("Deploy").oneofDecl.push({ name: `_${name}` } as never);
  set.setField("Deploy", name, options);
  set.setBehavior("Deploy", name, [behavior]);
  const isText = type === FieldDescriptorProto_Type.STRING;
  set.setRules("Deploy", name, { type: { case: isText ? "string" : "bytes", value: { maxLen: 9n } } } as never);
};

/** Adds a sealed field that has no fault but those of the options. */
const seal = (set: FaultySet, options: Field = {}, kind: Parameters<FaultySet["setKind"]>[1] = sealed): void => {
  set.setKind("Deploy", kind);
  add(set, "secret", { secrecy: SEALED, nullable: true, ...options } as Field, FieldBehavior.INPUT_ONLY);
};

/** The same of a hashed field. */
const hash = (set: FaultySet, options: Field = {}, kind: Parameters<FaultySet["setKind"]>[1] = hashed): void => {
  set.setKind("Deploy", kind);
  const token = { prefix: "acme_" };
  add(set, "token", { secrecy: HASHED, token, ...options } as Field, FieldBehavior.OUTPUT_ONLY);
};

/** What is done to the set, and every fault that it has then. */
const cases: readonly (readonly [name: string, spoil: (set: FaultySet) => void, faults: readonly string[]])[] = [
  ["nothing: a sealed text is no fault", (set) => seal(set), []],
  ["nothing: a hashed text is no fault", (set) => hash(set), []],
  ["a secret in a filter", (set) => seal(set, { filter: true }), ["Deploy.secret is a secret and is declared for filters"]],
  [
    "a secret in a key",
    (set) => seal(set, {}, { ...sealed, keys: [{ name: "k", fields: ["release_id", "secret"] }] }),
    ['Deploy.secret is a secret and is in the key "k"'],
  ],
  [
    "a secret in an index, by which lists are ordered",
    (set) => hash(set, {}, { ...hashed, indexes: [{ fields: ["release_id", "token"] }] }),
    ["Deploy.token is a secret and is in an index"],
  ],
  [
    "a secret in a choice",
    (set) => seal(set, {}, { ...sealed, choices: [{ fields: ["secret", "environment_id"] }] }),
    ["Deploy.secret is a secret and is in a choice", "Deploy has a choice of less than two fields"],
  ],
  [
    "a secret that has the name of a key",
    (set) => hash(set, {}, { ...hashed, keys: [{ name: "token", fields: ["release_id", "url"] }] }),
    ["Deploy.token is a secret and has the name of a key"],
  ],
  [
    "a secret that is neither a text nor bytes",
    (set) => {
      set.setKind("Deploy", plain);
      set.setField("Deploy", "notified", { secrecy: SEALED });
    },
    ["Deploy.notified is a secret and neither a string nor bytes"],
  ],
  [
    "hashed bytes",
    (set) => {
      set.setKind("Deploy", hashed);
      add(set, "token", { secrecy: HASHED, token: { prefix: "a_" } }, FieldBehavior.OUTPUT_ONLY, FieldDescriptorProto_Type.BYTES);
    },
    ["Deploy.token is hashed and no string"],
  ],
  [
    "secrets with roles of other fields",
    (set) => {
      seal(set, { slugFrom: "name", defaultUuid: true, notBlank: true, defaultTrue: true, token: { prefix: "acme_" } });
      set.setBehavior("Deploy", "secret", [FieldBehavior.IMMUTABLE]);
    },
    [
      ...["is not_blank", "is a slug", "is default_true", "is default_uuid", "is IMMUTABLE"].map(
        (role) => `Deploy.secret is a secret and ${role}`,
      ),
      "Deploy.secret is sealed and not INPUT_ONLY",
      "Deploy.secret has tokens and is not hashed",
    ],
  ],
  [
    "a secret that refers to something",
    (set) => seal(set, { reference: { kind: "user", deletion: KindReferenceDeletion.SET_NULL }, importLinks: [{ model: "a.b" }] }),
    ["Deploy.secret is a secret and has a reference", "Deploy.secret is a secret and has import_links"],
  ],
  [
    "a secret that is not optional",
    (set) => {
      set.setKind("Deploy", sealed);
      set.addField("Deploy", { name: "secret", type: FieldDescriptorProto_Type.STRING });
      set.setField("Deploy", "secret", { secrecy: SEALED, required: true });
      set.setBehavior("Deploy", "secret", [FieldBehavior.INPUT_ONLY]);
    },
    ['Deploy.secret is a secret and not "optional": answers have none of it', "Deploy.secret is sealed and has no rule max_len"],
  ],
  [
    "a field of the engine that is a secret",
    (set) => {
      set.setKind("Deploy", sealed);
      set.setField("Deploy", "etag", { secrecy: SEALED, nullable: true });
      set.setBehavior("Deploy", "etag", [FieldBehavior.INPUT_ONLY]);
    },
    ["Deploy.etag is a field of the engine and a secret", 'Deploy.etag is a secret and not "optional": answers have none of it'],
  ],
  [
    "a sealed field that may or may not have a value",
    (set) => seal(set, { nullable: false }),
    ["Deploy.secret is sealed and has to be either required or nullable"],
  ],
  [
    "sealed fields of files",
    (set) =>
      seal(set, { import: [{ name: "secret" }], nullable: false, required: true }, { ...sealed, import: [{ model: "sentry.deploy" }] }),
    [
      "Deploy.secret is sealed and imported: no export file has it as it is stored here",
      "Deploy.secret is sealed and required, and export files have no value for it",
    ],
  ],
  [
    "hashed fields of files that do not say where their SHA-256 is",
    (set) => {
      hash(set, {}, { ...hashed, import: [{ model: "sentry.deploy" }] });
      set.setField("Deploy", "url", { import: [{ name: "url", sha256: true }] });
    },
    [
      "Deploy.url is imported as a SHA-256 and not hashed",
      "Deploy.token is hashed and imported: import has to name where the records have its sha256",
    ],
  ],
  [
    "permissions that secrets lack, and those that are of no use",
    (set) => {
      seal(set, {}, { ...plain, verifyPermission: "a.verify" });
    },
    ["Deploy has sealed fields and no reveal_permission", 'Deploy has the verify_permission "a.verify" and no hashed field'],
  ],
  [
    "permissions that are for other RPCs too",
    (set) => {
      seal(set, {}, { ...plain, revealPermission: "a.read", verifyPermission: "a.write" });
      add(set, "token", { secrecy: HASHED, token: { prefix: "a_" } }, FieldBehavior.OUTPUT_ONLY);
    },
    [
      'Deploy has the reveal_permission "a.read", which is for other RPCs too',
      'Deploy has the verify_permission "a.write", which is for other RPCs too',
    ],
  ],
  [
    "tokens without a prefix that people know them by, and with roles of other fields",
    (set) => {
      hash(set, { token: { prefix: "Acme" }, required: true });
      set.setBehavior("Deploy", "token", []);
    },
    [
      "Deploy.token is hashed and not OUTPUT_ONLY: the service makes it",
      "Deploy.token is hashed, and each resource has a token: it is neither required nor nullable",
      'Deploy.token is hashed and has no token.prefix of words that end in underscores, like "userd_org_"',
    ],
  ],
  [
    "a hashed field that says nothing of its tokens",
    (set) => {
      hash(set);
      set.setField("Deploy", "token", { secrecy: HASHED });
    },
    ['Deploy.token is hashed and has no token.prefix of words that end in underscores, like "userd_org_"'],
  ],
  [
    "a second token",
    (set) => {
      hash(set);
      add(set, "other", { secrecy: HASHED, token: { prefix: "a_" } }, FieldBehavior.OUTPUT_ONLY);
    },
    ["Deploy.other is a second hashed field: Verify finds a resource by one"],
  ],
  [
    "tokens of which fields say something that can't",
    (set) => {
      hash(set, { token: { prefix: "a_", lastCharacters: "url", lastUsed: "create_time", ends: ["name", "nothing"], active: "url" } });
    },
    [
      'Deploy.token has tokens, and "url" is no OUTPUT_ONLY string of 4 characters',
      'Deploy.token has tokens, and "create_time" is no OUTPUT_ONLY time that may be absent',
      'Deploy.token has tokens, and "name" is no time',
      'Deploy.token has tokens, and "nothing" is no time',
      'Deploy.token has tokens, and "url" is no bool',
    ],
  ],
];

describe("a set of kinds is refused for", () => {
  test.for(cases)("%s", ([, spoil, faults]) =>
    expect(faultsOf(spoil)).toEqual(faults.map((fault) => `userd/kinds/v1/release.proto: ${fault}`)),
  );
});
