import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { families } from "../../src/contract/kinds/families.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { encodeWithParts } from "../../src/server/encoder.ts";
import { randomMessage } from "../fuzz/messages.ts";
import { createRandom, type Random } from "../fuzz/random.ts";

const services = [UserService, UserOptionService, OrganizationService, ProfileService, ChangeService, ...families];
const outputs = services.flatMap((service) => service.methods.map((method) => [`${service.name}/${method.name}`, method.output] as const));

/** Per RPC: with 190 of them, some thousands in all. */
const RUNS = 20;

/** The message as an operation may return it: some messages inside it as plain objects, but in none that says its type, and some frozen. */
const asAnswered = (random: Random, value: unknown, mayBePlain = true): unknown => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((member) => asAnswered(random, member, mayBePlain));
  const isMessage = "$typeName" in value;
  const isPlain = mayBePlain && (!isMessage || random.chance(0.7));
  const members = Object.entries(value).filter(([name]) => !isPlain || name !== "$typeName");
  const copy = Object.fromEntries(members.map(([name, member]) => [name, asAnswered(random, member, isPlain)]));
  return isMessage && random.chance(0.5) ? Object.freeze(copy) : copy;
};

describe("answers with frozen parts", () => {
  test.for(outputs)("are encoded as protobuf-es encodes them: %s", ([name, output]) => {
    const random = createRandom(name);
    for (let run = 0; run < RUNS; run += 1) {
      const message = randomMessage(random, output);
      const wanted = Buffer.from(toBinary(output, message));
      const answer = asAnswered(random, message) as object;
      // The second time from what the first one has kept.
      for (const time of ["first", "second"]) {
        expect(Buffer.from(encodeWithParts(output, answer)), `${time} time, run ${run}`).toEqual(wanted);
      }
    }
  });

  test("a frozen part is encoded once, a part that may change each time", () => {
    let reads = 0;
    const counted = () => ({
      userId: 1n,
      get userFound() {
        reads += 1;
        return true;
      },
    });
    const desc = UserOptionService.method.batchGetOptions.output;
    const answers = { frozen: { results: [Object.freeze(counted())] }, open: { results: [counted()] } };
    const readsOf = (answer: object): number => {
      const before = reads;
      encodeWithParts(desc, answer);
      return reads - before;
    };
    expect(readsOf(answers.frozen)).toBeGreaterThan(0);
    expect(readsOf(answers.frozen)).toBe(0);
    expect(readsOf(answers.open)).toBe(readsOf(answers.open));
    expect(readsOf(answers.open)).toBeGreaterThan(0);
  });

  test("one object that stands for messages of two types has bytes for each", () => {
    const decision = Object.freeze({ allowed: true, rule: 2 });
    const { batchCheckAccess, registerResources } = ProfileService.method;
    const kept = encodeWithParts(batchCheckAccess.output, { results: [decision] });
    expect([...kept]).toEqual([0x0a, 4, 8, 1, 16, 2]);
    expect([...encodeWithParts(registerResources.output, { results: [decision] })]).not.toEqual([...kept]);
  });

  test("after an answer that can't be encoded, the next one is whole", () => {
    const desc = UserOptionService.method.batchGetOptions.output;
    const results = [{ userId: 1n, userFound: true, options: [] }];
    expect(() => encodeWithParts(desc, { results: [...results, { userId: "no number" }] })).toThrow();
    expect([...encodeWithParts(desc, { results })]).toEqual([...toBinary(desc, create(desc, { results }))]);
  });
});
