import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../../src/server/sockets.ts";
import { RETRY_AFTER_MS, startRefusingProxy } from "../../examples/refusing-proxy.ts";
import { needTools, root, runOk, temporaryFolder } from "../../foreign/tools.ts";
import { test } from "../../support/service.ts";
import { checkHistories, startDriver } from "../drive.ts";

const module = join(root, "clients/go");

// The first run on a machine compiles gRPC for Go, and the messages: in their place, so that the next run finds them compiled.
test("the client in Go is sound, passes its own tests on a service, and runs its example", { timeout: 300_000 }, async ({
  service,
  skip,
}) => {
  needTools(skip, "go", "protoc-gen-go", "protoc-gen-go-grpc");
  await using proxy = await startRefusingProxy(service.grpcAddress);
  const template = join(module, "buf.gen.yaml");
  await runOk("buf", ["generate", "proto", "--path", "proto/userd/v1", "--template", template, "--output", module]);
  const env = { USERD_ADDRESS: formatAddress(service.grpcAddress), USERD_REFUSING_ADDRESS: formatAddress(proxy.address) };
  const go = (...args: string[]) => runOk("go", args, { cwd: module, env: { ...env, GOFLAGS: "-mod=readonly" } });
  const packages = (await go("list", "./..."))
    .trim()
    .split("\n")
    .filter((name) => !name.includes("/gen/"));
  await go("vet", ...packages);
  expect(await go("test", "-v", ...packages)).not.toContain("--- SKIP");
  for (const rpc of ["CreateUser", "SetOption", "GetOption"]) expect(proxy.waits.get(rpc), rpc).toBeGreaterThanOrEqual(RETRY_AFTER_MS - 1);
  expect(await go("run", "./examples/hello")).toBe("Ann Example\nEurope/Vienna\ntrue\n");
});

test("the near cache in Go answers as the one in TypeScript does", { timeout: 300_000 }, async ({ skip }) => {
  needTools(skip, "go");
  await using folder = await temporaryFolder();
  const program = join(folder.path, "driver");
  await runOk("go", ["build", "-mod=readonly", "-o", program, "./nearcache/conformance"], { cwd: module });
  await using go = startDriver(program, [], folder.path);
  await using typescript = startDriver(process.execPath, ["clients/typescript/src/near-cache/conformance.ts"], root);
  const seeds = Array.from({ length: 100 }, (_, index) => index);
  const ofGo = await checkHistories(go, seeds);
  expect(ofGo.wrong.slice(0, 5)).toEqual([]);
  const ofTypescript = await checkHistories(typescript, seeds);
  expect(seeds.filter((seed) => ofGo.answers[seed] !== ofTypescript.answers[seed])).toEqual([]);
});
