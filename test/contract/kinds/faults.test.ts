import { FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { FieldBehavior } from "../../../src/gen/google/api/field_behavior_pb.ts";
import { KindDeletion, KindReferenceDeletion, KindScope } from "../../../src/gen/userd/v1/kind_pb.ts";
import { type FaultySet, faultsOf } from "./faulty-set.ts";

const { CASCADE, SET_NULL } = KindReferenceDeletion;
const soft = { scope: KindScope.ORGANIZATION, deletion: KindDeletion.SOFT, readPermission: "a.read", writePermission: "a.write" };
const hard = { ...soft, scope: KindScope.PARENT, deletion: KindDeletion.HARD };

const drop = ({ message }: FaultySet, of: string, name: string): void => {
  const found = message(of);
  found.field = found.field.filter((field) => field.name !== name);
};

/** Makes deploys what organizations share, with these options of the field that names these. */
const share = (set: FaultySet, options: Parameters<FaultySet["setField"]>[2]): void => {
  drop(set, "Deploy", "organization_id");
  drop(set, "Deploy", "release_id");
  drop(set, "Deploy", "environment_id");
  set.addField("Deploy", { name: "organization_ids", label: FieldDescriptorProto_Label.REPEATED });
  set.setRules("Deploy", "organization_ids", { type: { case: "repeated", value: { unique: true, maxItems: 9n } } });
  set.setField("Deploy", "organization_ids", options);
};

/** Makes deploys, or another kind, what profiles own. */
const own = (set: FaultySet, name = "Deploy"): void => {
  for (const field of ["organization_id", "release_id", "environment_id"])
    if (set.message(name).field.some((one) => one.name === field)) drop(set, name, field);
  set.addField(name, { name: "owner_profile_id" });
  set.setField(name, "owner_profile_id", { reference: { kind: "profile", parent: true, deletion: CASCADE } });
  set.setBehavior(name, "owner_profile_id", [FieldBehavior.IMMUTABLE]);
  set.setKind(name, { ...hard, scope: KindScope.PROFILE });
};

/** What is done to the set, and every fault that it has then. */
const cases: readonly (readonly [name: string, spoil: (set: FaultySet) => void, faults: readonly string[]])[] = [
  [
    "an index on no field",
    (set) => set.setKind("Release", { ...soft, indexes: [{ fields: ["organization_id", "nothing"] }] }),
    ['Release has an index on "nothing", which is no field with a column'],
  ],
  [
    "a key on no field",
    (set) => set.setKind("Release", { ...soft, keys: [{ name: "k", fields: ["organization_id", "project_ids"] }] }),
    ['Release has the key "k" on "project_ids", which is no field with a column'],
  ],
  [
    "an index on what may have no value",
    (set) => set.setKind("Release", { ...soft, indexes: [{ fields: ["organization_id", "release_time"] }] }),
    ["Release.release_time is in an index and may have no value: make it required, or give it a default"],
  ],
  [
    "values of texts and objects in the audit trail",
    (set) => {
      set.setField("Release", "data", { auditValue: true });
      set.setField("Release", "url", { auditValue: true });
    },
    [
      "Release.url is an audit_value and neither a flag, an enum, nor a text of 64 characters at most",
      "Release.data is an audit_value and neither a flag, an enum, nor a text of 64 characters at most",
    ],
  ],
  [
    "filters on what can't be compared",
    (set) => {
      set.setField("Release", "data", { filter: true });
      set.setField("Release", "etag", { filter: true });
    },
    ["Release.data is declared for filters and can't be compared", "Release.etag is declared for filters and can't be compared"],
  ],
  [
    "a key that does not begin with the parent",
    (set) => set.setKind("Release", { ...soft, keys: [{ name: "k", fields: ["version", "ref"] }] }),
    ['Release has the key "k" that does not begin with the parent'],
  ],
  [
    "a key on what Get takes no value of",
    (set) => set.setKind("Release", { ...soft, keys: [{ name: "k", fields: ["organization_id", "status"] }] }),
    ['Release.status is in the key "k", by which Get finds a resource, and is neither an int64 nor a string'],
  ],
  [
    "a parent that could change",
    (set) => set.setBehavior("Deploy", "release_id", []),
    ["Deploy.release_id is the parent and not IMMUTABLE: a resource never moves to another one"],
  ],
  [
    "a name that fields can't be called after",
    (set) => (set.message("Deploy").name = "URLRule"),
    ["URLRule has a name that is not made of capitalized words, like ApiKey for an API key"],
  ],
  [
    "keys of one name",
    (set) =>
      set.setKind("Release", { ...soft, keys: ["version", "ref"].map((field) => ({ name: "k", fields: ["organization_id", field] })) }),
    ["Release has keys without a name of their own"],
  ],
  ["SOFT without delete_time", (set) => drop(set, "Release", "delete_time"), ["Release has no field delete_time, and is deleted softly"]],
  ["SOFT without purge_time", (set) => drop(set, "Release", "purge_time"), ["Release has no field purge_time, and is deleted softly"]],
  [
    "HARD with the times of SOFT",
    (set) => set.setKind("Release", { ...soft, deletion: KindDeletion.HARD }),
    ["Release has the field delete_time and is deleted at once", "Release has the field purge_time and is deleted at once"],
  ],
  ["no etag", (set) => drop(set, "Deploy", "etag"), ["Deploy has no field etag"]],
  [
    "a cycle of parents",
    (set) => {
      set.setField("ReleaseFile", "release_id", { reference: { kind: "deploy", parent: true, deletion: CASCADE } });
      set.setField("Deploy", "release_id", { reference: { kind: "release_file", parent: true, deletion: CASCADE } });
    },
    ["Deploy.release_id is in a cycle of parents", "ReleaseFile.release_id is in a cycle of parents"],
  ],
  [
    "a reference to itself",
    (set) => set.setField("Deploy", "environment_id", { reference: { kind: "deploy", deletion: SET_NULL } }),
    ["Deploy.environment_id is in a cycle of references"],
  ],
  [
    "a cycle of references",
    (set) => {
      set.setField("Release", "owner_user_id", { reference: { kind: "deploy", deletion: SET_NULL } });
    },
    ["Deploy.release_id is in a cycle of references"],
  ],
  [
    "a second parent",
    (set) => set.setField("Deploy", "organization_id", { reference: { kind: "organization", parent: true, deletion: CASCADE } }),
    [
      "Deploy.organization_id has two roles: OUTPUT_ONLY and the parent",
      "Deploy.release_id is a second parent",
      "Deploy has a scope that does not fit its parent organization",
    ],
  ],
  [
    "no parent",
    (set) => set.setField("Deploy", "release_id", { reference: { kind: "release", deletion: CASCADE } }),
    [
      'Deploy.release_id can be written and is not "optional": an update could not tell its default from its absence',
      "Deploy has an index that does not begin with the parent",
      "Deploy has no parent",
    ],
  ],
  [
    "a name that every object has",
    (set) => {
      set.addField("Deploy", { name: "constructor", type: FieldDescriptorProto_Type.INT64, proto3Optional: true });
    },
    ["Deploy.constructor has a name that every object of JavaScript has"],
  ],
  ["a name of the service's own", (set) => (set.message("Deploy").name = "Users"), ['Users has a name that is taken: "users"']],
  [
    "a name of a repeated reference",
    (set) => (set.message("Deploy").name = "ReleaseProject"),
    ['ReleaseProject has a name that is taken: "release_project"'],
  ],
  [
    "a type that has no column",
    (set) => set.addField("Deploy", { name: "added", type: FieldDescriptorProto_Type.FLOAT }),
    ["Deploy.added is of a type that has no column"],
  ],
  [
    "a repeated field that is no reference",
    (set) => set.addField("Deploy", { name: "added", label: FieldDescriptorProto_Label.REPEATED }),
    ['Deploy.added is repeated and no reference whose name ends in "_ids", so it has no column'],
  ],
  [
    "a repeated reference without a bound",
    (set) => set.setRules("Release", "project_ids", {}),
    ["Release.project_ids has no rules unique and max_items"],
  ],
  [
    "a field with two roles",
    (set) => set.setField("Release", "version", { required: true, nullable: true }),
    ["Release.version has two roles: required and nullable"],
  ],
  [
    "an engine's field with a role of its own",
    (set) => set.setField("Release", "create_time", { required: true }),
    ["Release.create_time has two roles: a field of the engine and required"],
  ],
  [
    "an engine's field of another type",
    (set) => {
      drop(set, "Deploy", "etag");
      set.addField("Deploy", { name: "etag" });
    },
    ["Deploy.etag is a field of the engine and has to be stored as text"],
  ],
  [
    "a field that can be written and is not optional",
    (set) => set.addField("Deploy", { name: "added" }),
    ['Deploy.added can be written and is not "optional": an update could not tell its default from its absence'],
  ],
  [
    "a text without a length",
    (set) => set.setRules("Deploy", "url", { type: { case: "string", value: { notContains: "\0" } } }),
    ["Deploy.url has no (buf.validate.field).string.max_len, so it has no column"],
  ],
  [
    "a text that may hold a NUL",
    (set) => set.setRules("Deploy", "url", { type: { case: "string", value: { maxLen: 8n } } }),
    ['Deploy.url has no rule not_contains: "\\000", which no text of the database can hold'],
  ],
  [
    "an enum that may have unknown values",
    (set) => set.setRules("Release", "status", {}),
    ["Release.status has no rule enum.defined_only"],
  ],
  [
    "a reference to an unknown kind",
    (set) => set.setField("Release", "owner_user_id", { reference: { kind: "customer", deletion: SET_NULL } }),
    ['Release.owner_user_id refers to the unknown kind "customer"'],
  ],
  [
    "a reference that does not say what a removal does",
    (set) => set.setField("Release", "owner_user_id", { reference: { kind: "user" }, nullable: true }),
    ["Release.owner_user_id does not say what the removal of what it refers to does"],
  ],
  [
    "a weak reference that is looked up, or that may be 0",
    (set) => {
      set.setField("Deploy", "environment_id", { reference: { kind: "environment", weak: true, deletion: SET_NULL } });
      set.setField("Release", "owner_user_id", { reference: { kind: "customer", weak: true }, nullable: true });
      set.setField("Release", "project_ids", { reference: { kind: "project", weak: true } });
      set.setField("Release", "ref", { reference: { kind: "release", weak: true }, nullable: true });
    },
    [
      'Release.owner_user_id refers to the unknown kind "customer"',
      "Release.ref refers to something and is no int64",
      "Release.project_ids is repeated and weak: the rows of its table have to refer to something",
      "Deploy.environment_id is weak and neither nullable nor required: 0 is no id",
      "Deploy.environment_id is weak, so a removal does nothing to it",
    ],
  ],
  [
    "a weak parent",
    (set) => set.setField("ReleaseFile", "release_id", { reference: { kind: "release", parent: true, weak: true } }),
    [
      "ReleaseFile.release_id is weak and neither nullable nor required: 0 is no id",
      "ReleaseFile.release_id is weak and can't be the parent",
      'ReleaseFile.release_id can be written and is not "optional": an update could not tell its default from its absence',
      'ReleaseFile has the key "ident" that does not begin with the parent',
      "ReleaseFile has no parent",
    ],
  ],
  [
    "a reference that holds no id",
    (set) => set.setField("Deploy", "name", { reference: { kind: "user", deletion: SET_NULL } }),
    ["Deploy.name refers to something and is no int64"],
  ],
  ["no scope", (set) => set.setKind("Deploy", { ...hard, scope: KindScope.UNSPECIFIED }), ["Deploy does not say its scope"]],
  [
    "a scope that does not fit the parent",
    (set) => set.setKind("Deploy", { ...hard, scope: KindScope.ORGANIZATION }),
    ["Deploy has a scope that does not fit its parent release"],
  ],
  [
    "no column of the organization",
    (set) => drop(set, "Deploy", "organization_id"),
    ["Deploy has no field organization_id that refers to the organization"],
  ],
  [
    "an organization that could differ from the parent's",
    (set) => set.setBehavior("Deploy", "organization_id", [FieldBehavior.IMMUTABLE]),
    [
      'Deploy.organization_id can be written and is not "optional": an update could not tell its default from its absence',
      "Deploy.organization_id follows from the parent and is not OUTPUT_ONLY",
    ],
  ],
  [
    "an owner that is no organization's",
    (set) => set.setKind("Release", { ...soft, scope: KindScope.GLOBAL }),
    ["Release is of nobody, which only organizations are"],
  ],
  [
    "reasons of its own that there are not",
    (set) => set.setKind("Deploy", { ...hard, ownReasons: true, keys: [{ name: "url", fields: ["release_id", "url"] }] }),
    ["DEPLOY_NOT_FOUND", "DEPLOY_DELETED", "URL_TAKEN"].map((reason) => `Deploy has reasons of its own, and there is no ${reason}`),
  ],
  [
    "a cache of what shares an aggregate",
    (set) => set.setKind("Deploy", { ...hard, cached: true }),
    ["Deploy is cached, and its resources have no aggregate each"],
  ],
  [
    "aggregates of something else",
    (set) => set.setKind("Deploy", { ...hard, aggregates: ["deploy", "project", "organization"] }),
    ['Deploy has the aggregate "deploy", which it can\'t move', 'Deploy has the aggregate "project", which it can\'t move'],
  ],
  [
    "a slug of nothing, and of no key",
    (set) => set.setField("Deploy", "url", { slugFrom: "name" }),
    ['Deploy.url is made from "name", which is no text that is not blank', "Deploy.url is a slug, and no key ends in it"],
  ],
  [
    "a parent in a key that is unique everywhere",
    (set) => set.setKind("Release", { ...soft, keys: [{ name: "k", fields: ["organization_id", "version"], everywhere: true }] }),
    ['Release has the key "k" that is unique everywhere and begins with the parent'],
  ],
  [
    "a project that is no parent",
    (set) => set.setKind("Release", { ...soft, scope: KindScope.PROJECT }),
    ["Release has a scope that does not fit its parent organization"],
  ],
  [
    "a parent that is a project, and the scope of another one",
    (set) => set.setField("Deploy", "release_id", { reference: { kind: "project", parent: true, deletion: CASCADE } }),
    ["Deploy has a scope that does not fit its parent project"],
  ],
  [
    "organizations that share what has a parent and references, and that nothing names",
    (set) => set.setKind("Deploy", { ...hard, scope: KindScope.ORGANIZATIONS, indexes: [{ fields: ["name"] }] }),
    [
      "Deploy has an index and no parent: its lists are in the order of the ids",
      "Deploy is shared by organizations and has a parent",
      "Deploy is shared by organizations and has no field organization_ids that refers to them",
      "Deploy.organization_id refers to something, and organizations share the resource",
      "Deploy.release_id refers to something, and organizations share the resource",
      "Deploy.environment_id refers to something, and organizations share the resource",
    ],
  ],
  [
    "organizations that may be none, and a key that says twice that it is unique everywhere",
    (set) => {
      share(set, { reference: { kind: "organization", deletion: CASCADE } });
      const keys = [
        { name: "k", fields: ["url"], everywhere: true },
        { name: "n", fields: [] },
      ];
      set.setKind("Deploy", { ...hard, scope: KindScope.ORGANIZATIONS, keys });
    },
    [
      'Deploy has the key "k" that is unique everywhere by itself',
      'Deploy has the key "n" of no fields',
      "Deploy.organization_ids says which organizations share a resource and is not required",
    ],
  ],
  [
    "a part of what organizations share",
    (set) => {
      share(set, { required: true, reference: { kind: "organization", deletion: CASCADE } });
      set.setKind("Deploy", { ...hard, scope: KindScope.ORGANIZATIONS });
      set.setField("ReleaseFile", "release_id", { reference: { kind: "deploy", parent: true, deletion: CASCADE } });
    },
    ["ReleaseFile is part of a deploy, which organizations share"],
  ],
  [
    "a choice of one field, and of one that always has a value",
    (set) => set.setKind("Release", { ...soft, choices: [{ fields: ["owner_user_id"] }, { fields: ["start_time", "ref", "nothing"] }] }),
    [
      'Release has a choice on "nothing", which is no field with a column',
      "Release has a choice of less than two fields",
      "Release.ref is in a choice and always has a value",
    ],
  ],
  [
    "defaults of other types",
    (set) => {
      set.setField("Deploy", "notified", { defaultUuid: true });
      set.setField("Deploy", "name", { defaultTrue: true });
      set.setField("Deploy", "url", { defaultUuid: true, required: true });
    },
    [
      "Deploy.name is default_true and no bool",
      "Deploy.url has two roles: required and default_uuid",
      "Deploy.notified is default_uuid and no string",
    ],
  ],
  [
    "no deletion",
    (set) => set.setKind("Deploy", { ...hard, deletion: KindDeletion.UNSPECIFIED }),
    ["Deploy does not say what deleting does"],
  ],
  [
    "a decimal number that may be infinite, in an index",
    (set) => {
      set.addField("Deploy", { name: "ratio", type: FieldDescriptorProto_Type.DOUBLE, proto3Optional: true });
      set.setKind("Deploy", { ...hard, indexes: [{ fields: ["release_id", "ratio"] }] });
    },
    ["Deploy.ratio has no rule finite", "Deploy.ratio is in an index and can't be compared"],
  ],
  [
    "names that PostgreSQL would cut",
    (set) => {
      set.addField("Deploy", { name: `f${"x".repeat(50)}`, proto3Optional: true });
      set.setKind("Release", { ...soft, keys: [{ name: `k${"x".repeat(50)}`, fields: ["organization_id", "version"] }] });
    },
    [
      `Release has a key or an index with too long a name: "k${"x".repeat(50)}"`,
      `Deploy.f${"x".repeat(50)} has a name that is too long: 63 characters with the kind's`,
    ],
  ],
  [
    "RPCs of one name",
    (set) => set.setKind("Deploy", { ...hard, plural: "release_files" }),
    ["Deploy has an RPC whose name is taken: BatchGetReleaseFiles", "Deploy has an RPC whose name is taken: ListReleaseFiles"],
  ],
  [
    "imports that can't be done",
    (set) => {
      set.setField("Release", "ref", { import: [{ name: "ref", part: "sentry.nothing" }] });
      set.setField("Release", "url", { import: [{ name: "owner", owner: true }] });
      set.setField("Release", "commit_count", { import: [{ name: "commits", words: true }] });
      for (const { value } of set.file.enumType) for (const one of value) delete one.options;
      set.addField("Deploy", { name: "model", proto3Optional: true, oneofIndex: 0 });
    },
    [
      "Release.status is imported, and no value of its enum has import_as",
      'Release.ref is imported from "sentry.nothing", which is no part of the kind',
      "Release.url is imported as an owner, and refers to neither a user nor a team",
      "Release.commit_count is imported as words, and is no string",
      "Deploy.model has a name that imports use for something else",
    ],
  ],
  [
    "two kinds that are imported from one model",
    (set) => {
      const parts = [{ model: "sentry.file", field: "file" }];
      set.setKind("Deploy", {
        ...hard,
        import: [{ model: "sentry.deploy", parts }, { model: "sentry.releasefile" }, { model: "sentry.deploy" }],
      });
    },
    [
      'Deploy is imported from "sentry.releasefile", as ReleaseFile is',
      'Deploy is imported from "sentry.deploy", as Deploy is',
      'Deploy is imported from "sentry.file", as ReleaseFile is',
    ],
  ],
  [
    "a repeated reference whose elements are imported from the model of a part",
    (set) => {
      const reference = { kind: "project", deletion: CASCADE };
      set.setField("Release", "project_ids", {
        reference,
        importLinks: [{ model: "sentry.file", resource: "release", linked: "project" }],
      });
    },
    ['ReleaseFile is imported from "sentry.file", as Release is'],
  ],
  [
    "a large kind whose resources would change, be looked up, or be scanned",
    (set) => {
      set.setKind("Release", { ...soft, large: true, choices: [{ fields: ["start_time", "release_time"] }], import: [{ model: "a.b" }] });
      set.setField("Release", "ref", { filter: true });
    },
    [
      "Release has the field etag, and its resources never change",
      "Release is large and says what deleting does, which only small kinds can",
      "Release is large and has choices, which only small kinds can",
      "Release is large and is imported, which only small kinds can",
      "Release.project_ids is repeated, and its kind is large",
      "Release.owner_user_id refers to something, and its kind is large: make it weak",
      "Release.ref is declared for filters, and its kind is large: declare an index",
      "Release.start_time is declared for filters, and its kind is large: declare an index",
      "Release.release_time is declared for filters, and its kind is large: declare an index",
      "Release.commit_count is declared for filters, and its kind is large: declare an index",
      "Release.delete_time is declared for filters, and its kind is large: declare an index",
      "ReleaseFile.release_id refers to release, which is large: make it weak",
      "Deploy.release_id refers to release, which is large: make it weak",
    ],
  ],
  [
    "a retention from a time that may be absent, of less than a day, and of a small kind",
    (set) => {
      const parts = { scope: KindScope.PARENT, readPermission: "a.read", writePermission: "a.write" };
      set.setKind("Deploy", { ...parts, deletion: KindDeletion.HARD, retention: { field: "create_time", days: 1 } });
      set.setKind("ReleaseFile", { ...parts, large: true, retention: { field: "name", days: 0 } });
      drop(set, "ReleaseFile", "etag");
    },
    [
      "ReleaseFile.name is declared for filters, and its kind is large: declare an index",
      "ReleaseFile.dist is declared for filters, and its kind is large: declare an index",
      "ReleaseFile.size is declared for filters, and its kind is large: declare an index",
      "ReleaseFile.create_time is declared for filters, and its kind is large: declare an index",
      "ReleaseFile has a retention of less than a day",
      'ReleaseFile has a retention from "name", which is no time that always has a value',
      "Deploy has a retention and is not large",
    ],
  ],
  [
    "a time of the call that is no time, or has another default",
    (set) => {
      set.setField("Deploy", "notified", { defaultNow: true });
      set.setField("Release", "start_time", { defaultNow: true, required: true });
    },
    ["Release.start_time has two roles: required and default_now", "Deploy.notified is default_now and no time"],
  ],
  [
    "a profile that is not called the owner",
    (set) => {
      own(set);
      set.field("Deploy", "owner_profile_id").name = "profile_id";
    },
    ["Deploy.profile_id names the profile that owns a resource and is not called owner_profile_id"],
  ],
  [
    "the scope of profiles under a kind",
    (set) => set.setKind("Deploy", { ...hard, scope: KindScope.PROFILE }),
    ["Deploy has a scope that does not fit its parent release"],
  ],
  [
    "what a profile owns that refers to what none owns, to another profile, to several things, or goes with what it refers to",
    (set) => {
      own(set, "ReleaseFile");
      own(set);
      const output = [FieldBehavior.OUTPUT_ONLY];
      for (const [name, kind, deletion] of [
        ["user_id", "user", CASCADE],
        ["other_profile_id", "profile", CASCADE],
        ["file_id", "release_file", CASCADE],
      ] as const) {
        set.addField("Deploy", { name });
        set.setField("Deploy", name, { reference: { kind, deletion } });
        set.setBehavior("Deploy", name, output);
      }
      set.addField("Deploy", { name: "file_ids", label: FieldDescriptorProto_Label.REPEATED });
      set.setField("Deploy", "file_ids", { reference: { kind: "release_file", deletion: CASCADE } });
      set.setBehavior("Deploy", "file_ids", output);
    },
    [
      "Deploy.user_id refers to what no profile owns, and a profile owns the resource: make the reference weak",
      "Deploy.other_profile_id refers to what no profile owns, and a profile owns the resource: make the reference weak",
      "Deploy.file_id is not cleared with what it refers to, which another profile may get",
      "Deploy.file_ids refers to several things, and a profile owns the resource",
    ],
  ],
  [
    "what an organization has that refers to what a profile owns, or to a profile",
    (set) => {
      own(set);
      for (const [name, kind] of [
        ["deploy_id", "deploy"],
        ["profile_id", "profile"],
      ] as const) {
        set.addField("Release", { name });
        set.setField("Release", name, { reference: { kind, deletion: CASCADE } });
        set.setBehavior("Release", name, [FieldBehavior.OUTPUT_ONLY]);
      }
    },
    ["deploy_id", "profile_id"].map((name) => `Release.${name} refers to a profile or what it owns, and no profile owns the resource`),
  ],
  [
    "what a profile owns and is imported",
    (set) => {
      own(set);
      set.setKind("Deploy", { ...hard, scope: KindScope.PROFILE, import: [{ model: "sentry.deploy" }] });
    },
    ["Deploy is imported, and a profile owns it"],
  ],
  [
    "lists of values without limits, that may have no value, or that are imported",
    (set) => {
      const label = FieldDescriptorProto_Label.REPEATED;
      set.addField("Deploy", { name: "words", type: FieldDescriptorProto_Type.STRING, label });
      set.addField("ReleaseFile", { name: "more", type: FieldDescriptorProto_Type.MESSAGE, typeName: ".google.protobuf.Struct", label });
      set.setField("ReleaseFile", "more", { nullable: true });
    },
    [
      "ReleaseFile.more has no (buf.validate.field).repeated.max_items, so it has no column",
      "ReleaseFile.more is repeated and nullable: where it has no items it is empty",
      "ReleaseFile.more is a list of values, and imported",
      "Deploy.words has no (buf.validate.field).repeated.max_items, so it has no column",
      "Deploy.words has no rule max_len of its items",
      'Deploy.words has no rule not_contains: "\\000" of its items',
      "Deploy.words is a list of values, and imported",
    ],
  ],
  [
    "no permissions",
    (set) => set.setKind("Deploy", { ...hard, readPermission: "", writePermission: "" }),
    ["Deploy has no read_permission", "Deploy has no write_permission"],
  ],
  [
    "no service",
    (set) => {
      if (set.file.options) set.file.options.$unknown = [];
    },
    ["Release", "ReleaseFile", "Deploy"].map((name) => `${name} is in a file that has no (userd.v1.family).service`),
  ],
];

const file = "userd/kinds/v1/release.proto";

describe("a set of kinds is refused for", () => {
  test.for(cases)("%s", ([, spoil, faults]) => expect(faultsOf(spoil)).toEqual(faults.map((fault) => `${file}: ${fault}`)));
});

test("all faults of a set are told at once, each with its file; a set without faults is read", () => {
  const spoiled = faultsOf((set) => {
    drop(set, "Release", "purge_time");
    drop(set, "Deploy", "etag");
    set.addField("ReleaseFile", { name: "added" });
  });
  expect(spoiled.map((fault) => fault.split(" ")[1])).toEqual(["Release", "ReleaseFile.added", "Deploy"]);
  expect(faultsOf(() => undefined)).toEqual([]);
});
