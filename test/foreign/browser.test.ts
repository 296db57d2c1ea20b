import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";
import { needTools, temporaryFolder, toolPath } from "./tools.ts";

/** What a page of one origin may not find out, and change, on another one. */
const SECRET = "Europe/Lisbon";

/** What a page got to see of userd, by what it tried. */
type Report = Readonly<Record<string, string>>;

/** A page that calls userd in each way that a page can, and reports to its own origin what it got to see. */
const pageOf = (userd: string, userId: bigint): string => `<!doctype html><title>page</title><script type="module">
const report = {};
const ask = async (name, path, init) => {
  try {
    const answer = await fetch("${userd}" + path, init);
    const seen = ["retry-after", "x-content-type-options", "grpc-status"].filter((header) => answer.headers.has(header));
    report[name] = [answer.type, answer.status, await answer.text(), ...seen].join(" ");
  } catch (error) {
    report[name] = "refused";
  }
};
const included = (name, tag, path) => new Promise((resolve) => {
  const element = document.createElement(tag);
  element.onload = () => resolve(report[name] = "loaded");
  element.onerror = () => resolve(report[name] = "refused");
  element.src = "${userd}" + path;
  document.head.append(element);
});
const get = "/userd.v1.UserOptionService/GetOption";
const set = "/userd.v1.UserOptionService/SetOption";
const json = (value) => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });
const plain = { ...json({ userId: "${userId}", key: "timezone", value: "Asia/Tokyo" }), headers: { "content-type": "text/plain" } };
await ask("reads by JSON", get, json({ userId: "${userId}", key: "timezone" }));
await ask("writes by JSON", set, json({ userId: "${userId}", key: "timezone", value: "Asia/Tokyo" }));
await ask("writes what needs no leave", set, plain);
await ask("writes without looking", set, { ...plain, mode: "no-cors" });
await ask("reads metrics", "/metrics", {});
await included("includes an answer", "script", get + "?connect=v1&encoding=json&message=" + encodeURIComponent('{"userId":"${userId}","key":"timezone"}'));
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>`;

/** A web server that shows one page, and is told what came of it. */
const startSite = async (stack: AsyncDisposableStack) => {
  let page = "";
  const reports = Promise.withResolvers<Report>();
  const server: Server = createServer(async (request, response) => {
    if (request.url === "/report") reports.resolve(JSON.parse(await text(request)));
    response.writeHead(200, { "content-type": "text/html" }).end(request.url === "/" ? page : "");
  }).listen(0, "127.0.0.1");
  stack.defer(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, report: reports.promise, show: (one: string) => (page = one) };
};

/** Opens a page in Chromium, to which `evil.example` is this machine, and keeps it open. */
const browse = async (url: string, stack: AsyncDisposableStack): Promise<void> => {
  const { path } = stack.use(await temporaryFolder());
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", `--user-data-dir=${path}`];
  const names = "--host-resolver-rules=MAP evil.example 127.0.0.1";
  const child = spawn("chromium", [...flags, names, url], { env: { ...process.env, PATH: toolPath, HOME: path }, stdio: "ignore" });
  stack.defer(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
};

/** `asked` is a service without credentials, and what a page on some origin finds out about its user. */
const test = base.extend("asked", async ({ databaseUrl, service: _ }, { onCleanup }) => {
  const stack = new AsyncDisposableStack();
  onCleanup(() => stack.disposeAsync());
  return async (host: string, userdHost: string, isAllowed: boolean) => {
    const site = await startSite(stack);
    const origin = `http://${host}:${site.port}`;
    const settings = isAllowed ? { CORS_ORIGINS: origin, ALLOWED_HOSTS: host } : {};
    const app = stack.use(await startApp(testConfig(databaseUrl, settings), silent, { migrate: false }));
    const clients = createClients(app);
    stack.defer(() => clients.close());
    const { users, options } = clients.byKind["grpc-js"];
    const { user } = await users.createUser({ user: { username: crypto.randomUUID() } });
    const userId = user?.id ?? 0n;
    await options.setOption({ userId, key: "timezone", value: { kind: { case: "stringValue", value: SECRET } } });
    site.show(pageOf(`http://${userdHost}:${app.httpAddress.port}`, userId));
    await browse(`${origin}/`, stack);
    const report = await site.report;
    const { option } = await options.getOption({ userId, key: "timezone" });
    return { report, value: option?.value?.kind.value };
  };
});

test.beforeEach(({ skip }) => needTools(skip, "chromium"));

test.for([
  ["a page of another origin", "127.0.0.1", "localhost"],
  ["a page of a name that leads to this machine", "evil.example", "evil.example"],
  ["a page of such a name that calls by the address", "evil.example", "127.0.0.1"],
] as const)("%s reads and writes nothing in Chromium", async ([, host, userdHost], { asked }) => {
  const { report, value } = await asked(host, userdHost, false);
  expect(value).toBe(SECRET);
  expect(JSON.stringify(report)).not.toContain(SECRET);
  expect(new Set(Object.values(report))).toEqual(new Set(["refused"]));
});

test.for([
  ["an origin that is allowed", "127.0.0.1", "localhost"],
  ["an allowed origin, under a name that is allowed", "evil.example", "evil.example"],
] as const)("a page of %s reads and writes in Chromium", async ([, host, userdHost], { asked }) => {
  const { report, value } = await asked(host, userdHost, true);
  expect(report["reads by JSON"]).toContain(SECRET);
  expect(report["writes by JSON"]).toMatch(/^cors 200 /);
  expect(report["writes what needs no leave"]).not.toMatch(/ 200 /);
  expect(value).toBe("Asia/Tokyo");
});
