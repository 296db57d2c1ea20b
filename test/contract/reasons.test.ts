import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { message as messageRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, test } from "vitest";
import { commonReasons, declaredReasons } from "../../src/contract/reasons.ts";
import { ErrorReason, ErrorReasonSchema } from "../../src/gen/userd/v1/errors_pb.ts";
import { entryReasonsWalk } from "../../src/server/interceptors/entry-reasons.ts";
import { methods } from "./methods.ts";

/** The messages of a request, itself included. */
const within = (desc: DescMessage, seen = new Set<DescMessage>()): ReadonlySet<DescMessage> => {
  if (seen.has(desc)) return seen;
  seen.add(desc);
  for (const { message } of desc.fields) if (message !== undefined) within(message, seen);
  return seen;
};

const some = (input: DescMessage, is: (desc: DescMessage) => boolean): boolean => [...within(input)].some(is);

/** The RPCs that declare a reason of their own, and those for which something holds. */
const whoDeclare = (reason: keyof typeof ErrorReason): string[] =>
  methods.filter((method) => declaredReasons(method).own.includes(reason as never)).map(({ name }) => name);
const whose = (is: (input: DescMessage) => boolean): string[] => methods.filter(({ input }) => is(input)).map(({ name }) => name);

describe("the reasons that RPCs declare", () => {
  test("stand each once, in the order of the enum, and none that all such calls have", () => {
    for (const method of methods) {
      const { own, entry } = declaredReasons(method);
      for (const list of [own, entry]) {
        const numbers = list.map((name) => ErrorReason[name]);
        expect(numbers, `${method.name}: sort the reasons of its option (errors) by number`).toEqual(
          [...new Set(numbers)].toSorted((a, b) => a - b),
        );
      }
      expect(
        own.filter((reason) => commonReasons(method).includes(reason)),
        `${method.name}: take these out of its option (errors), all such calls have them`,
      ).toEqual([]);
    }
  });

  test("every reason is declared by an RPC, or for all calls", () => {
    const declared = new Set(methods.flatMap((method) => [...declaredReasons(method).call, ...declaredReasons(method).entry]));
    const known = ErrorReasonSchema.values.map(({ name }) => name).filter((name) => name !== "ERROR_REASON_UNSPECIFIED");
    expect(
      known.filter((name) => !declared.has(name as never)),
      "list the reason in the option (errors) of each RPC that answers with it",
    ).toEqual([]);
  });

  test("an RPC declares what its request makes possible", () => {
    const isOfOneScope = (desc: DescMessage) =>
      getOption(desc, messageRules).oneof.some(({ fields }) => ["project_id", "organization_id"].every((name) => fields.includes(name)));
    const rule = (fields: string) => `list the reason in the option (errors) of the RPCs whose request has ${fields}, and of no other`;
    expect(whoDeclare("OPTION_SCOPE_CONFLICT"), rule("two scopes of which one may be set")).toEqual(
      whose((input) => some(input, isOfOneScope)),
    );
    // An etag in a resource is what an answer has; a request is held to it when it updates the resource, or has one itself.
    const holdsEtag = ({ fields }: DescMessage) => fields.some(({ name }) => name === "etag");
    const isHeld = (input: DescMessage) => holdsEtag(input) || (input.name.startsWith("Update") && some(input, holdsEtag));
    expect(whoDeclare("ETAG_MISMATCH"), rule("an etag")).toEqual(whose(isHeld));
  });

  test("an RPC whose answer has entries that can fail declares with what", () => {
    const having = methods.filter(({ output }) => entryReasonsWalk(output) !== undefined).map(({ name }) => name);
    expect(having.length).toBeGreaterThan(5);
    const declaring = methods.filter((method) => declaredReasons(method).entry.length > 0).map(({ name }) => name);
    expect(declaring, "list the reasons of its entries as entry_reasons in the option (errors)").toEqual(having);
  });
});
