import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../../src/server/sockets.ts";
import { RETRY_AFTER_MS, startRefusingProxy } from "../../examples/refusing-proxy.ts";
import { needTools, root, runOk } from "../../foreign/tools.ts";
import { test } from "../../support/service.ts";

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
