import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import { expect } from "vitest";
import { startApp } from "../../../src/app.ts";
import { ServerReflection } from "../../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { imageOf } from "../../../src/kinds/mounted/image.ts";
import { formatAddress } from "../../../src/server/sockets.ts";
import { createOrganization } from "../../support/build.ts";
import { createClients } from "../../support/clients.ts";
import { silent } from "../../support/database.ts";
import { expectRefusal } from "../../support/errors.ts";
import { testConfig } from "../../support/service.ts";
import { runUserd, temporaryFolder } from "../../support/userd.ts";
import { KINDS, kindsOf, test } from "./service.ts";

const SERVICE = "acme.tickets.v1.TicketService";
const header = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("a mounted service is in JSON, with strict fields, and in /metrics", async ({ service, clients }) => {
  const root = `http://${formatAddress(service.httpAddress)}`;
  const { id } = await createOrganization(clients["grpc-js"]);
  const post = (method: string, body: object) =>
    fetch(`${root}/${SERVICE}/${method}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const made = await post("CreateTicket", { ticket: { organizationId: String(id), number: "T-1", priority: "TICKET_PRIORITY_URGENT" } });
  expect([made.status, await made.json()]).toEqual([
    200,
    {
      ticket: expect.objectContaining({ number: "T-1", priority: "TICKET_PRIORITY_URGENT", order: 0 }),
      consistencyToken: expect.any(String),
    },
  ]);
  const refused = await post("CreateTicket", { ticket: { organizationId: String(id), nothing: 1 } });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("nothing")]);
  expect(await (await fetch(`${root}/metrics`)).text()).toContain(`userd_calls_total{method="${SERVICE}/CreateTicket",code="OK"} 1`);
});

test("a mounted service is in reflection, with its own file and that of its messages", async ({ service }) => {
  const { transports, close } = createClients(service);
  const client: Client<typeof ServerReflection> = createClient(ServerReflection, transports["Connect gRPC"]);
  const requests = [
    { messageRequest: { case: "listServices", value: "" } },
    { messageRequest: { case: "fileContainingSymbol", value: SERVICE } },
    { messageRequest: { case: "fileContainingSymbol", value: "acme.tickets.v1.Ticket" } },
  ];
  const sent = (async function* () {
    yield* requests as never[];
  })();
  const answers = [];
  for await (const { messageResponse } of client.serverReflectionInfo(sent)) answers.push(messageResponse);
  close();
  expect(answers.map((answer) => answer.case)).toEqual(["listServicesResponse", "fileDescriptorResponse", "fileDescriptorResponse"]);
  expect(answers[0]?.value).toMatchObject({ service: expect.arrayContaining([expect.objectContaining({ name: SERVICE })]) });
});

test("the token file can give the permissions of mounted kinds, and only those that there are", async ({ databaseUrl }) => {
  await using folder = await temporaryFolder();
  const TOKEN_FILE = join(folder.path, "tokens.json");
  const write = (permissions: readonly string[]) =>
    writeFileSync(TOKEN_FILE, JSON.stringify({ callers: [{ name: "reader", token_sha256: sha256("canary"), permissions }] }));
  write(["tickets.read", "users.admin"]);
  await using app = await startApp(testConfig(databaseUrl, { KINDS, TOKEN_FILE }), silent, { migrate: true });
  const { byKind, close } = createClients(app, undefined, kindsOf(KINDS));
  const tickets = byKind["grpc-js"].families["TicketService"] as unknown as Record<string, (...args: object[]) => Promise<object>>;
  expect(await tickets["listTickets"]?.({ organizationId: 1n }, header("canary"))).toHaveProperty("tickets");
  await expectRefusal(
    tickets["createTicket"]?.({ ticket: { organizationId: 1n } }, header("canary")) ?? Promise.resolve(),
    "PermissionDenied",
    "PERMISSION_REQUIRED",
  );
  close();
  write(["tickets.readd"]);
  await expect(startApp(testConfig(databaseUrl, { KINDS, TOKEN_FILE }), silent, { migrate: true })).rejects.toThrow(
    /, tickets.read, tickets.write$/,
  );
  write(["tickets.read"]);
  await expect(startApp(testConfig(databaseUrl, { TOKEN_FILE }), silent, { migrate: true })).rejects.toThrow(/must be one of/);
  rmSync(TOKEN_FILE);
});

test("the image has the services and all that they import, imports first, and their Go packages", () => {
  const set = fromBinary(FileDescriptorSetSchema, imageOf(kindsOf(KINDS)));
  const registry = createFileRegistry(set);
  expect(registry.getService(SERVICE)?.methods.map(({ name }) => name)).toContain("UndeleteTicket");
  const seen = new Set<string>();
  // Without a package no Go is generated; a team's own files get theirs from buf.
  for (const { name, options } of set.file) if (!name.startsWith("acme/")) expect(options?.goPackage, name).toMatch(/\S/);
  for (const { name, dependency } of set.file) {
    expect(
      dependency.filter((one) => !seen.has(one)),
      name,
    ).toEqual([]);
    seen.add(name);
  }
});

test("userd kinds lists, plans, applies and writes the image", async ({ databaseUrl }) => {
  await using folder = await temporaryFolder();
  const settings = { DATABASE_URL: databaseUrl, KINDS };
  const path = KINDS.replace("builtin,", "");
  const listed = await runUserd(["kinds", "list"], { settings });
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining("kinds.ticket_note") });
  expect(
    listed.stdout
      .split("\n")
      .find((line) => / Ticket /.test(line))
      ?.split(/ {2,}/),
  ).toEqual([SERVICE, "Ticket", "Create,Get,BatchGet,Update,Delete,Undelete,Purge,List", "kinds.ticket", path]);
  expect(await runUserd(["kinds", "plan"], { settings })).toMatchObject({ code: 0, stdout: "Apply changes nothing.\n" });
  expect(await runUserd(["kinds", "apply"], { settings })).toMatchObject({ code: 0, stdout: "The kinds are applied already.\n" });
  const file = join(folder.path, "image.binpb");
  expect(await runUserd(["kinds", "image", "--out", file], { settings })).toMatchObject({ code: 0, stdout: "" });
  expect(await runUserd(["kinds", "plan"], { settings: { ...settings, KINDS: "builtin" } })).toMatchObject({
    code: 2,
    stderr: "userd: KINDS mounts no descriptor set: name one, as docs/kinds.md says.\n",
  });
  expect(await runUserd(["kinds", "list"], { settings: { ...settings, KINDS: "/nowhere.binpb" } })).toMatchObject({
    code: 2,
    stderr: "userd: KINDS /nowhere.binpb can't be read (ENOENT)\n",
  });
});
