import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { describe, expect, test } from "vitest";
import { families } from "../../src/contract/kinds/families.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import type { Consistency } from "../../src/gen/userd/v1/consistency_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { findNested } from "../../src/server/interceptors/nested.ts";
import { simpleRulesCheck } from "../../src/server/interceptors/simple-rules.ts";
import { randomMessage } from "../fuzz/messages.ts";
import { createRandom } from "../fuzz/random.ts";

const services = [UserService, UserOptionService, OrganizationService, ProfileService, ChangeService, ...families];
const inputs = services
  .flatMap((service) => service.methods.map((method) => [`${service.name}/${method.name}`, method.input] as const))
  .filter(([, input]) => findNested(input) === undefined);

const validator = createValidator({ regexMatch: (pattern, against) => new RegExp(pattern, "u").test(against) });
const isValid = (desc: DescMessage, message: Message): boolean => validator.validate(desc, message).kind === "valid";

/** The RPCs that have to be fast, with requests that are valid. */
const { getOption, setOption, batchGetOptions, resolveOptions } = UserOptionService.method;
const { getUser, lookupUsers } = UserService.method;
const { checkAccess, batchCheckAccess, getProfile } = ProfileService.method;
const target = { case: "ownerProfileId", value: 1n } as const;
const resource = { case: "resource", value: { ref: { case: "key", value: { kind: "k", ownerProfileId: 1n, name: "n" } } } } as const;
const value = { kind: { case: "stringValue", value: "v" } } as const;
const hot: readonly (readonly [string, DescMessage, readonly object[]])[] = [
  [
    "GetOption",
    getOption.input,
    [
      { userId: 1n, key: "k" },
      { userId: 1n, key: "k", projectId: 2n, defaultValue: value },
    ],
  ],
  ["SetOption", setOption.input, [{ userId: 1n, key: "k", value, requestId: "0b9d6fd0-6c9c-4d5b-9a6a-1c1f4a1ce111" }]],
  ["BatchGetOptions", batchGetOptions.input, [{ userIds: [1n, 2n, 2n], keys: ["a", "b"], projectIds: [4n] }]],
  ["ResolveOptions", resolveOptions.input, [{ userIds: [1n], keys: ["a"], projectId: 1n, organizationId: 2n }]],
  ["GetUser", getUser.input, [{ id: 1n }]],
  ["LookupUsers", lookupUsers.input, [{ keys: [{ key: { case: "id", value: 1n } }, { key: { case: "email", value: "é@example.com" } }] }]],
  ["CheckAccess", checkAccess.input, [{ target }, { userId: 1n, relation: 2, target: resource }]],
  ["BatchCheckAccess", batchCheckAccess.input, [{ checks: [{ target }, { userId: 1n, target: resource }] }]],
  ["GetProfile", getProfile.input, [{ key: { case: "id", value: 1n } }]],
];

/** Without the one field of theirs whose rule is not simple, which is about a duration. */
const withoutDurations = (message: Message): Message => {
  delete (message as { consistency?: Partial<Consistency> }).consistency?.maxStale;
  return message;
};

describe("simple rules", () => {
  test.for(inputs)("what keeps them, protovalidate takes: %s", ([name, input]) => {
    const random = createRandom(name);
    const keepsRules = simpleRulesCheck(input);
    for (let run = 0; run < 40; run += 1) {
      const message = randomMessage(random, input);
      if (keepsRules(message))
        expect(
          isValid(input, message),
          JSON.stringify(message, (_, part) => (typeof part === "bigint" ? `${part}n` : part)),
        ).toBe(true);
    }
  });

  test.for(hot)("the requests of %s are judged as protovalidate judges them", ([name, input, valid]) => {
    const keepsRules = simpleRulesCheck(input);
    for (const request of valid) {
      const message = create(input, request as MessageInitShape<DescMessage>);
      expect([keepsRules(message), isValid(input, message)]).toEqual([true, true]);
      // One field after the other with whatever it may be.
      const random = createRandom(name);
      for (let run = 0; run < 400; run += 1) {
        const other = randomMessage(random, input) as Message & Record<string, unknown>;
        const { localName } = random.pick(input.members as unknown as [{ localName: string }]);
        const mixed = withoutDurations({ ...message, [localName]: other[localName] } as Message);
        expect(
          keepsRules(mixed),
          JSON.stringify(mixed, (_, part) => (typeof part === "bigint" ? `${part}n` : part)),
        ).toBe(isValid(input, mixed));
      }
    }
  });
});
