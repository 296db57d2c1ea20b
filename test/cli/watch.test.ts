import { expect, vi } from "vitest";
import { startApp } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, unique, value } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { test, testConfig } from "../support/service.ts";
import { startUserd } from "../support/userd.ts";

test("userd watch prints a line per change, JSON for scripts, and goes on when the service has been away", { timeout: 120_000 }, async ({
  databaseUrl,
  clients: { "grpc-js": own },
}) => {
  await using stack = new AsyncDisposableStack();
  const user = await createUser(own, { username: unique("ann") });
  const first = await startApp(testConfig(databaseUrl), silent, { migrate: true });
  const address = formatAddress(first.grpcAddress);
  const settings = { USERD_ADDRESS: address };
  const people = stack.use(startUserd(["watch", "--user", String(user.id), "--kind", "user_option"], { settings }));
  const scripts = stack.use(startUserd(["watch", "--from", "earliest", "--user", user.username ?? "", "--json"], { settings }));
  const said = (one: typeof people, pattern: RegExp) =>
    vi.waitFor(() => expect(one.output().stdout).toMatch(pattern), { timeout: 30_000, interval: 100 });
  await said(scripts, /"kind":"users"/);
  // The other one watches by now, or soon.
  for (let round = 0; !people.output().stdout.includes("layout") && round < 100; round += 1) {
    await own.options.setOption({ userId: user.id, key: "layout", value: value(round) });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await said(people, new RegExp(`^\\d{4}-\\S+Z {2}user/${user.id} {2}\\w+ user_option 0/0/layout.* by local$`, "m"));
  for (const line of scripts.output().stdout.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ position: expect.any(String) });

  await first[Symbol.asyncDispose]();
  await own.options.setOption({ userId: user.id, key: "while-away", value: value(1) });
  await vi.waitFor(() => expect(people.output().stderr).toMatch(/Going on in \d+ ms/), { timeout: 30_000 });
  stack.use(await startApp(testConfig(databaseUrl, { GRPC_LISTEN: address }), silent, { migrate: true }));
  await said(people, /user_option 0\/0\/while-away/);
  expect(people.output().stdout.match(/while-away/g)).toHaveLength(1);
});

test("a position that was not given ends the command with a sentence", async ({ service }) => {
  await using userd = startUserd(["watch", "--from", "forged"], { settings: { USERD_ADDRESS: formatAddress(service.grpcAddress) } });
  expect(await userd.ended).toMatchObject({ code: 2, stderr: expect.stringContaining("(POSITION_INVALID)") });
});
