import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";
import { program } from "../support/userd.ts";

/** Runs `userd users …` against a service. */
const userd = async (address: string, args: readonly string[], input = "") => {
  const child = spawn(process.execPath, [program, "users", ...args, "--address", address], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("exit", resolve)),
  ]);
  return { stdout, stderr, code };
};

test("userd users: create, list, show and set-password, for people and for scripts", { timeout: 60_000 }, async ({ service, clients }) => {
  const address = formatAddress(service.grpcAddress);
  const { users } = clients["grpc-js"];
  const word = unique("cli");
  const created = await userd(address, ["create", "--email", `${word}@example.com`, "--name", `${word} Doe`, "--staff"]);
  expect(created).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) });
  const id = created.stdout.trim();
  expect((await userd(address, ["create", "--email", `${word}@example.com`])).code).toBe(3);
  expect((await userd(address, ["create"])).code).toBe(2);

  const table = await userd(address, ["list", word, "is:staff"]);
  expect(table.stdout).toMatch(new RegExp(`id +username +email +name +state\n${id} +${word}@example.com .* active, staff\n`));
  const json = await userd(address, ["list", `email:${word}@example.com`, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject([{ id, isStaff: true }]);
  expect(await userd(address, ["list", "nokey:x"])).toMatchObject({ code: 2, stderr: expect.stringContaining('"nokey:x"') });

  expect(await userd(address, ["set-password", id], "correct horse\n")).toMatchObject({ code: 0 });
  const { valid } = await users.verifyPassword({ user: { case: "userId", value: BigInt(id) }, password: "correct horse" });
  expect(valid).toBe(true);
  expect((await userd(address, ["set-password", id], "\n")).code).toBe(2);
  expect((await userd(address, ["show", id])).stdout).toContain("displayName");
  await users.updateUser({ user: { id: BigInt(id), externalId: word } });
  expect((await userd(address, ["show", `external_id:${word}`])).stdout).toMatch(new RegExp(`externalId +${word}`));
});
