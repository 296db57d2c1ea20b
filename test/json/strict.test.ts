import { test as base, describe, expect } from "vitest";
import type { OptionChange, SetOptionRequest } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { post, refusalOf, startServer } from "../server/server.ts";
import { expectRefusal } from "../support/errors.ts";
import { sending, type Wire, wires } from "./wires.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

/** `received` are the requests that the operations of the fake service saw. */
const test = base.extend("port", { scope: "file" }, async ({}, { onCleanup }) => {
  const received: unknown[] = [];
  const keep = (_: unknown, request: unknown) => {
    received.push(request);
    return {};
  };
  const server = await startServer({ setOption: keep, applyOptionChanges: keep, getOption: keep });
  onCleanup(() => server[Symbol.asyncDispose]());
  return { server, baseUrl: server.url(""), received };
});

type Rpc = "setOption" | "applyOptionChanges" | "getOption" | "findUsersByOption";
type Case = readonly [what: string, rpc: Rpc, body: string | Uint8Array, place: string];

const valid = '"userId": 7, "key": "k"';
const set = (rest: string): string => `{${valid}, "value": 1, ${rest}}`;
const ofValue = (value: string): string => `{${valid}, "value": ${value}}`;

const refused: readonly Case[] = [
  ["a field written otherwise: projectID", "setOption", set('"projectID": 3'), "projectID"],
  ["a field of another RPC", "setOption", set('"validateOnly": true'), "validateOnly"],
  [
    "a misspelt field deep inside",
    "applyOptionChanges",
    '{"userId": 7, "changes": [{"delete": {"key": "a"}}, {"set": {"key": "b", "valeu": 1}}]}',
    "changes[1].set.valeu",
  ],
  ["a field whose name is an address", "setOption", set('"ann@example.com": 1'), "[…]"],
  [
    "an unknown name of an enum",
    "getOption",
    '{"userId": 7, "key": "k", "consistency": {"fullyConsistent": "YES"}}',
    "consistency.fully_consistent",
  ],
  ["a field twice", "setOption", set('"key": "l"'), "key"],
  ["a field by both of its names", "setOption", set('"user_id": 8'), "user_id"],
  ["two of a oneof", "applyOptionChanges", '{"userId": 7, "changes": [{"set": {}, "delete": {}}]}', "changes[0].delete"],
  ["a member of a value twice", "setOption", ofValue('{"a": {"b": 1, "b": 2}}'), "value.a.b"],
  ["a hexadecimal id", "setOption", set('"projectId": "0x7"'), "project_id"],
  ["an id with a plus", "setOption", set('"projectId": "+55"'), "project_id"],
  ["a blank as an id", "setOption", set('"projectId": " "'), "project_id"],
  ["an empty id", "setOption", set('"projectId": ""'), "project_id"],
  ["an id with an exponent", "setOption", set('"projectId": "1e0"'), "project_id"],
  ["a number with an exponent as an id", "setOption", set('"projectId": 1e0'), "project_id"],
  ["a number with a fraction as an id", "setOption", set('"projectId": 1.0'), "project_id"],
  ["an id over 64 bits", "setOption", set('"projectId": 9223372036854775808'), "project_id"],
  ["an id with digits of another script", "setOption", set('"projectId": "٧"'), "project_id"],
  ["an int32 with a fraction", "findUsersByOption", '{"key": "k", "equals": 1, "pageSize": 10.0}', "page_size"],
  ["an int32 over 32 bits", "findUsersByOption", '{"key": "k", "equals": 1, "pageSize": "2147483648"}', "page_size"],
  ["a boolean as text", "applyOptionChanges", '{"userId": 7, "changes": [], "validateOnly": "true"}', "validate_only"],
  ["a list as an object", "applyOptionChanges", '{"userId": 7, "changes": {}}', "changes"],
  ["null in a list", "applyOptionChanges", '{"userId": 7, "changes": [null]}', "changes[0]"],
  ["a whole number that a double does not hold, in a value", "setOption", ofValue('[1, {"limit": 9007199254740993}]'), "value[1].limit"],
  ["the same with a fraction", "setOption", ofValue("9007199254740993.0"), "value"],
  ["a number of 20 digits in a value", "setOption", ofValue("12345678901234567890"), "value"],
  ["a number beyond doubles", "setOption", ofValue("[1e400]"), "value[0]"],
  ["a number that would become 0", "setOption", ofValue("1e-400"), "value"],
  ["half of a surrogate pair", "setOption", ofValue('["\\ud800"]'), "value[0]"],
  ["half of a surrogate pair in a field", "setOption", '{"userId": 7, "key": "\\udc00"}', "key"],
  ["bytes that are not UTF-8", "setOption", latin1(ofValue('{"password": "p\xe9ss"}')), "value.password"],
  ["bytes that are not UTF-8 in a field", "setOption", latin1('{"userId": 7, "key": "p\xe9ss"}'), "key"],
  ["an overlong form of UTF-8", "setOption", latin1(ofValue('"\xc0\xaf"')), "value"],
  ["a surrogate as bytes", "setOption", latin1(ofValue('"\xed\xa0\x80"')), "value"],
  ["30 February", "setOption", set('"expireTime": "2099-02-30T00:00:00Z"'), "expire_time"],
  ["24 o'clock", "setOption", set('"expireTime": "2099-01-01T24:00:00Z"'), "expire_time"],
  ["a leap second", "setOption", set('"expireTime": "2098-12-31T23:59:60Z"'), "expire_time"],
  ["a time without an offset", "setOption", set('"expireTime": "2099-01-01T00:00:00"'), "expire_time"],
  ["a time in small letters", "setOption", set('"expireTime": "2099-01-01t00:00:00z"'), "expire_time"],
  ["an offset of a day", "setOption", set('"expireTime": "2099-01-01T00:00:00+24:00"'), "expire_time"],
  ["a time finer than nanoseconds", "setOption", set('"expireTime": "2099-01-01T00:00:00.1234567890Z"'), "expire_time"],
  ["a time that its offset puts into the year 10000", "setOption", set('"expireTime": "9999-12-31T23:59:59-00:01"'), "expire_time"],
  [
    "a duration with something after it",
    "getOption",
    '{"userId": 7, "key": "k", "consistency": {"maxStale": "5sx"}}',
    "consistency.max_stale",
  ],
  [
    "a duration of 10,001 years",
    "getOption",
    '{"userId": 7, "key": "k", "consistency": {"maxStale": "315576000001s"}}',
    "consistency.max_stale",
  ],
  ["a value of 120 levels", "setOption", ofValue(`{"a": ${"[".repeat(120)}${"]".repeat(120)}}`), `value.a${"[0]".repeat(18)}…`],
];

describe.for(wires)("JSON that can't be understood is refused with its place, through %s:", (wire) => {
  test.for(refused)("%s", async ([, rpc, body, place], { port }) => {
    const before = port.received.length;
    const { fields } = await expectRefusal(sending(wire, port.baseUrl, body)[rpc]({}), "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual([place]);
    expect(port.received).toHaveLength(before);
  });

  test("no error repeats what was sent as a value", async ({ port }) => {
    for (const body of [ofValue('{"secret-word": "secret-word", "secret-word": 1}'), set('"projectId": "secret-word"')]) {
      const { error } = await expectRefusal(sending(wire, port.baseUrl, body).setOption({}), "InvalidArgument", "FIELD_INVALID");
      expect(error.message.replace("value.secret-word", "")).not.toContain("secret-word");
    }
  });
});

/** What the operation saw of a request that was taken. */
const taken = async (port: { received: unknown[]; baseUrl: string }, wire: Wire, rpc: Rpc, body: string) => {
  await sending(wire, port.baseUrl, body)[rpc]({});
  return port.received.at(-1);
};

describe.for(wires)("JSON that is understood, through %s:", (wire) => {
  test.for([
    ["9007199254740993", 9007199254740993n],
    ['"9007199254740993"', 9007199254740993n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ['"007"', 7n],
    ['"-0"', 0n],
    ["null", 0n],
    ["7", 7n],
  ])("an id written as %s is exact", async ([text, id], { port }) => {
    const request = (await taken(port, wire, "setOption", set(`"projectId": ${text}`))) as SetOptionRequest;
    expect(request).toMatchObject({ userId: 7n, projectId: id });
  });

  test("several numbers beyond 2^53 in one request are exact, and what stands between them is left alone", async ({ port }) => {
    const change = (id: string) => `{"set": {"key": "9007199254740993", "value": "9007199254740993", "projectId": ${id}}}`;
    const body = `{"userId": 9007199254740995, "changes": [${change("9007199254740997")}, ${change('"9007199254740999"')}]}`;
    const request = (await taken(port, wire, "applyOptionChanges", body)) as { userId: bigint; changes: OptionChange[] };
    expect(request.userId).toBe(9007199254740995n);
    expect(request.changes.map(({ change }) => change.value)).toMatchObject([
      { key: "9007199254740993", value: { kind: { value: "9007199254740993" } }, projectId: 9007199254740997n },
      { key: "9007199254740993", value: { kind: { value: "9007199254740993" } }, projectId: 9007199254740999n },
    ]);
  });

  test("what protobuf's JSON takes besides: both names of a field, null, escapes, white space, pairs of surrogates", async ({ port }) => {
    const body = ` { "user_id" : "7" , "k\\u0065y":"k" ,\n"value":["\\ud83d\\ude00",-0,1e2,0.1,1e23,true,null,{}],"etag":null, "expireTime": "2099-02-28T23:59:59.5+05:30"\t} `;
    const request = (await taken(port, wire, "setOption", body)) as SetOptionRequest;
    expect(request).toMatchObject({ userId: 7n, key: "k", etag: "", expireTime: { seconds: 4075986599n, nanos: 500_000_000 } });
  });
});

describe("the query of a GET", () => {
  const get = ({ server }: { server: { url: (path: string) => string } }, message: string, rest = "") =>
    fetch(server.url(`/userd.v1.UserOptionService/GetOption?connect=v1&encoding=json&message=${message}${rest}`));
  const query = encodeURIComponent('{"userId": 7, "key": "k"}');

  test("is read by the same rules", async ({ port }) => {
    expect((await get(port, query)).status).toBe(200);
    const [unknown, sloppy] = ['{"userID": 7, "key": "k"}', '{"userId": "0x7", "key": "k"}'].map(encodeURIComponent);
    for (const message of [unknown, sloppy]) {
      expect(await refusalOf(await get(port, message ?? ""))).toEqual({ status: 400, code: "invalid_argument", reason: "FIELD_INVALID" });
    }
  });

  test.for([
    ["bytes that are not UTF-8", query.replace("k%22%7D", "p%E9ss%22%7D"), ""],
    ["half a character", query.replace("k%22%7D", "p%C3%22%7D"), ""],
    ["a surrogate", query.replace("k%22%7D", "%ED%A0%80%22%7D"), ""],
    ["bytes in base64 that are not UTF-8", latin1('{"userId": 7, "key": "p\xe9ss"}').toString("base64url"), "&base64=1"],
  ] as const)("with %s is refused", async ([, message, rest], { port }) => {
    expect(await refusalOf(await get(port, message, rest))).toEqual({ status: 400, code: "invalid_argument", reason: "FIELD_INVALID" });
  });

  test("may hold any character in its percent-encoding", async ({ port }) => {
    await get(port, encodeURIComponent('{"userId": 7, "key": "é😀"}').replace("%20", "+"));
    expect(port.received.at(-1)).not.toMatchObject({ key: "é" });
  });
});

test("a body that is no JSON is refused as that, and says where", async ({ port }) => {
  for (const [body, character] of [
    ['{"userId": 7,, "key": "k"}', 14],
    ["{'userId': 7}", 2],
    ['{"userId": 07}', 13],
    ['{"userId": 7} x', 15],
    ['{"key": "a\nb"}', 9],
  ] as const) {
    const response = await post(port.server, "SetOption", body);
    const { code, message } = (await response.json()) as { code: string; message: string };
    expect({ code, message }).toEqual({ code: "invalid_argument", message: expect.stringContaining(`character ${character}`) });
  }
});
