import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  isMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { describe, expect } from "vitest";
import { FieldBehavior, field_behavior } from "../../src/gen/google/api/field_behavior_pb.ts";
import { expectRefusal } from "../support/errors.ts";
import { methods } from "./methods.ts";
import { callRpc, requestOf, test } from "./world.ts";

const behaves = (field: DescField, behavior: FieldBehavior): boolean => getOption(field, field_behavior).includes(behavior);

const isOurs = (desc: DescMessage | undefined): desc is DescMessage => /^userd\.(kinds\.)?v1\./.test(desc?.typeName ?? "");

/** The messages of a request, itself included, but for what it only holds in answers. */
const within = (desc: DescMessage, seen = new Set<DescMessage>()): Set<DescMessage> => {
  if (seen.has(desc)) return seen;
  seen.add(desc);
  for (const field of desc.fields) {
    if (isOurs(field.message) && !behaves(field, FieldBehavior.OUTPUT_ONLY)) within(field.message, seen);
  }
  return seen;
};

const messages = [...new Set(methods.flatMap(({ input }) => [...within(input)]))];
const validator = createValidator();

test("REQUIRED stands at exactly the fields that the rules do not let be absent", () => {
  for (const desc of messages) {
    const result = validator.validate(desc, create(desc));
    const violations = result.kind === "invalid" ? result.violations : [];
    // A rule of a oneof, or of the message, is about several fields.
    const absent = violations.flatMap(({ field: [part, ...rest] }) => (part?.kind === "field" && rest.length === 0 ? [part.name] : []));
    const required = desc.fields.filter((field) => behaves(field, FieldBehavior.REQUIRED)).map(({ name }) => name);
    expect(required, `${desc.name}: give REQUIRED to the fields that its rules do not let be absent, and to no other`).toEqual([
      ...new Set(absent),
    ]);
  }
});

/** The field of a request that holds a resource: what the service answers with what it has set itself. */
const resourceOf = ({ input }: DescMethod): DescField | undefined =>
  input.fields.find(({ message }) => isOurs(message) && message.fields.some((field) => behaves(field, FieldBehavior.OUTPUT_ONLY)));

/** ImportUsers takes the history of users along, which its comment names; test/users/create-many.test.ts shows it. */
const writes = methods.filter((method) => resourceOf(method) !== undefined && method.name !== "ImportUsers");

const longAgo = new Date("2001-02-03T04:05:06Z");

/** A value that the service sets nowhere. */
const strange = ({ message, scalar, fieldKind }: DescField): unknown => {
  if (message?.typeName === "google.protobuf.Timestamp") return timestampFromDate(longAgo);
  if (message !== undefined) return fieldKind === "list" ? [create(message)] : create(message);
  const one = scalar === ScalarType.BOOL ? true : scalar === ScalarType.STRING ? "strange" : 4_242_424_242n;
  return fieldKind === "list" ? [one] : one;
};

/** The fields of the resource with such a behavior, each with a strange value, by local name. */
const strangers = (fields: readonly DescField[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field.localName, strange(field)]));

/** The request with more fields of its resource; `paths` are those that its mask names, if it has one. */
const withFields = (method: DescMethod, request: object, values: Record<string, unknown>, paths: readonly string[]): object => {
  const { localName = "", fieldKind } = resourceOf(method) ?? {};
  const held = (request as Record<string, object>)[localName];
  const filled = fieldKind === "list" ? (held as object[]).map((item) => ({ ...item, ...values })) : { ...held, ...values };
  const isMasked = method.input.fields.some(({ name }) => name === "update_mask");
  return { ...request, [localName]: filled, ...(isMasked && { updateMask: { paths } }) };
};

/** The first message of a type in an answer. */
const found = (answer: unknown, { typeName }: DescMessage): Message | undefined => {
  if (typeof answer !== "object" || answer === null) return undefined;
  if (isMessage(answer) && answer.$typeName === typeName) return answer;
  for (const part of Object.values(answer)) {
    const inside = found(part, { typeName } as DescMessage);
    if (inside !== undefined) return inside;
  }
  return undefined;
};

const schemaOf = (method: DescMethod): DescMessage => resourceOf(method)?.message ?? method.input;

/** The answered value of a field, as it stands in the message. */
const shown = (resource: Message | undefined, { localName }: DescField): unknown =>
  (resource as Record<string, unknown> | undefined)?.[localName];

const isUpdate = ({ name }: DescMethod): boolean => name.startsWith("Update");

describe("what a request says of fields that it has no say in", () => {
  test.for(writes)("OUTPUT_ONLY: $name ignores them, named in the mask or not", async (method, { world: { own, resources } }) => {
    const request = requestOf(resources, method, "resourcesOf");
    const schema = schemaOf(method);
    const fields = schema.fields.filter(
      (field) =>
        behaves(field, FieldBehavior.OUTPUT_ONLY) ||
        (!isUpdate(method) && behaves(field, FieldBehavior.IDENTIFIER) && !behaves(field, FieldBehavior.REQUIRED)),
    );
    const values = strangers(fields);
    const masks = isUpdate(method) ? [[], fields.map(({ name }) => name)] : [[]];
    for (const paths of masks) {
      const answer = await callRpc(own, method, withFields(method, request, values, paths));
      // An append answers with ids.
      const batchGet = methods.find((one) => method.name.startsWith("Append") && one.name === method.name.replace("Append", "BatchGet"));
      const read = batchGet === undefined ? answer : await callRpc(own, batchGet, { ids: (answer as { ids?: bigint[] }).ids });
      const resource = found(read, schema);
      expect(resource).toBeDefined();
      for (const field of fields) expect([field.name, shown(resource, field)]).not.toEqual([field.name, values[field.localName]]);
    }
  });

  test.for(writes.filter(isUpdate))("IMMUTABLE: $name leaves them as they are", async (method, { world: { own, resources } }) => {
    const request = requestOf(resources, method, "resourcesOf");
    const schema = schemaOf(method);
    const before = found(await callRpc(own, method, request), schema);
    for (const field of schema.fields.filter((one) => behaves(one, FieldBehavior.IMMUTABLE))) {
      const text = field.name === "guid" ? "00000000-0000-4000-8000-000000000001" : "0000-0000-0001";
      const values = { [field.localName]: field.scalar === ScalarType.STRING ? text : 4_242_424_242n };
      const call = callRpc(own, method, withFields(method, request, values, [field.name]));
      const answer = await call.catch(() => undefined);
      if (answer === undefined) await expectRefusal(call, "FailedPrecondition", "IMMUTABLE_FIELD");
      else expect(shown(found(answer, schema), field)).toEqual(shown(before, field));
      expect(shown(found(await callRpc(own, method, request), schema), field)).toEqual(shown(before, field));
    }
  });
});
