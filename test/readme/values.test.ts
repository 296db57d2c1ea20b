import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import type { App } from "../../src/app.ts";
import { SetOptionRequestSchema, SetOptionResponseSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { root } from "../foreign/tools.ts";
import { createUser, unique, value } from "../support/build.ts";
import { test } from "../support/service.ts";

const text = readFileSync(join(root, "docs/values.md"), "utf8");
const rows = (table: string): string[][] =>
  [...table.matchAll(/^\| (.*?) +\| `(.*?)` +\|/gm)].map(([, sent = "", kept = ""]) => [sent.replaceAll(/^`|`$/g, ""), kept]);
const [kept = [], refused = []] = text.split("## What is refused").map(rows);

/** What the table describes in words. */
const described: Readonly<Record<string, string>> = {
  "25 levels": `${"[".repeat(25)}${"]".repeat(25)}`,
  "211 times 1e308": JSON.stringify(Array(211).fill(1e308)),
  "65,537 bytes": JSON.stringify("x".repeat(65_535)),
};

/** JSON as it stands, which a client's own JSON library would change. */
const post = async ({ httpAddress }: App, rpc: string, body: string | Uint8Array<ArrayBuffer>, type = "application/json") =>
  await fetch(`http://${formatAddress(httpAddress)}/userd.v1.UserOptionService/${rpc}`, {
    method: "POST",
    headers: { "content-type": type },
    body,
  });

describe("docs/values.md", () => {
  test("has its tables", () => {
    expect([kept.length, refused.length]).toEqual([12, 12]);
  });

  test.for(kept)("%s is kept as %s", async ([sent, expected], { service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    await post(service, "SetOption", `{"userId": "${id}", "key": "k", "value": ${sent}}`);
    const got = await (await post(service, "GetOption", `{"userId": "${id}", "key": "k"}`)).text();
    expect(got).toContain(`{"value":${expected},"found":true,`);
  });

  test.for(refused)("%s is refused: %s", async ([sent = "", reason], { service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    const answer = await post(service, "SetOption", `{"userId": "${id}", "key": "k", "value": ${described[sent] ?? sent}}`);
    const { code, details } = JSON.parse(await answer.text());
    expect([code, details[0].debug.reason]).toEqual(["invalid_argument", reason]);
  });

  test("24 levels and 65,536 bytes are taken", async ({ service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    for (const sent of [`${"[".repeat(24)}${"]".repeat(24)}`, JSON.stringify("ä".repeat(32_767))]) {
      const answer = await post(service, "SetOption", `{"userId": "${id}", "key": "${unique()}", "value": ${sent}}`);
      expect(answer.status).toBe(200);
    }
  });

  test("text is not normalised", async ({ service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    await post(service, "SetOption", `{"userId": "${id}", "key": "k", "value": "e\\u0301"}`);
    expect(await (await post(service, "GetOption", `{"userId": "${id}", "key": "k"}`)).json()).toMatchObject({ value: "e\u0301" });
  });

  test("in the binary form the last of two members wins", async ({ service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    // The bytes of two messages behind each other are their merged message: here a Value's struct with `a` twice.
    const struct = (a: number) => toBinary(StructSchema, create(StructSchema, { fields: { a: value(a) } }));
    const both = [...struct(1), ...struct(2)];
    const request = new Uint8Array([
      ...toBinary(SetOptionRequestSchema, create(SetOptionRequestSchema, { userId: id, key: "k" })),
      ...[0x1a, both.length + 2, 0x2a, both.length],
      ...both,
    ]);
    const answer = await post(service, "SetOption", request, "application/proto");
    const { option } = fromBinary(SetOptionResponseSchema, new Uint8Array(await answer.arrayBuffer()));
    expect(option?.value).toMatchObject({ kind: { value: { fields: { a: { kind: { value: 2 } } } } } });
  });
});
