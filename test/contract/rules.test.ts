import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { field as fieldRules, message as messageRules, oneof as oneofRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, test } from "vitest";
import { FieldBehavior, field_behavior } from "../../src/gen/google/api/field_behavior_pb.ts";
import { sensitive } from "../../src/gen/userd/v1/options_pb.ts";
import { methods } from "./methods.ts";

const isOurs = (desc: DescMessage | undefined): boolean => /^userd\.(kinds\.)?v1\./.test(desc?.typeName ?? "");

/** Why a field needs no rule of its own; everything else has one. */
const reasons: readonly [reason: string, applies: (field: DescField) => boolean][] = [
  ["both values of a bool are legal", (field) => field.fieldKind === "scalar" && field.scalar === 8],
  [
    "the operation checks JSON: its size, depth and numbers",
    (field) => ["google.protobuf.Value", "google.protobuf.Struct"].includes(field.message?.typeName ?? ""),
  ],
  ["the operation checks the paths, which depend on the resource", (field) => field.message?.typeName === "google.protobuf.FieldMask"],
  ["every moment is legal", (field) => field.message?.typeName === "google.protobuf.Timestamp"],
  ["the message has rules of its own", (field) => isOurs(field.message)],
];

/** Whether requests may hold the field, and the service ignores it there. */
const isOutputOnly = (field: DescField): boolean => getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY);

const messagesOf = (desc: DescMessage, seen = new Set<DescMessage>()): Set<DescMessage> => {
  if (seen.has(desc) || !isOurs(desc)) return seen;
  seen.add(desc);
  for (const field of desc.fields) if (field.message && !isOutputOnly(field)) messagesOf(field.message, seen);
  return seen;
};

const hasRule = (field: DescField): boolean =>
  hasOption(field, fieldRules) ||
  (field.oneof !== undefined && hasOption(field.oneof, oneofRules) && field.message !== undefined) ||
  getOption(field.parent, messageRules).oneof.some(({ fields }) => fields.includes(field.name));

test("every field of every request has a rule, or a reason why not", () => {
  const requests = new Set(methods.flatMap(({ input }) => [...messagesOf(input)]));
  const unruled = [...requests].flatMap((desc) =>
    desc.fields
      .filter((field) => !isOutputOnly(field) && !hasRule(field) && !reasons.some(([, applies]) => applies(field)))
      .map((field) => `${desc.typeName}.${field.name}`),
  );
  expect(unruled, "give the field a rule (buf.validate.field), or say in `reasons` why it needs none").toEqual([]);
});

/** Reads whose answer is not of one moment, and why. */
const timeless: Readonly<Record<string, string>> = {
  ListOptionDefinitions: "the registry is a file, held in memory",
  GetOptionDefinition: "the registry is a file, held in memory",
  ListInvalidOptions: "a check over many pages, for operators",
  WatchChanges: "its start says how fresh: behind a position or a token",
};

/** Writes of which no version tells, and why. */
const traceless: Readonly<Record<string, string>> = {
  VerifyAuthToken: "the same",
  VerifyOrgAuthToken: "it marks once a minute when the token was used, by the one statement that finds it",
};

test("every write returns a consistency_token; every read can be told how fresh to be", () => {
  for (const { name, input, output, idempotency, methodKind } of methods) {
    if (methodKind !== "unary" || Object.hasOwn({ ...timeless, ...traceless }, name)) continue;
    const isRead = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    const names = (desc: DescMessage) => desc.fields.map((field) => field.name);
    expect(
      isRead ? names(input) : names(output),
      isRead
        ? `${name} reads: give its request the field consistency`
        : `${name} writes: give its response the field consistency_token; a read declares idempotency_level and reads`,
    ).toContain(isRead ? "consistency" : "consistency_token");
  }
});

test("no write that carries a secret takes a request_id: the answer is stored", () => {
  const secret = /^(password|token|session_nonce|config|data)$/;
  for (const { input, output } of methods) {
    const carries = [...messagesOf(input), ...messagesOf(output)].some(({ fields }) =>
      fields.some((field) => getOption(field, sensitive) && secret.test(field.name)),
    );
    const takesId = input.fields.some(({ name }) => name === "request_id");
    expect(carries && takesId, input.typeName).toBe(false);
  }
});
