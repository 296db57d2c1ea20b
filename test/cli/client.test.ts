import { describe, expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, unique, value } from "../support/build.ts";
import { expectSentence } from "../support/sentence.ts";
import { test as base } from "../support/service.ts";
import { runUserd } from "../support/userd.ts";

/** `userd` is the command line with the address of the file's service. */
const test = base.extend("userd", { scope: "file" }, async ({ service }) => {
  const settings = { USERD_ADDRESS: formatAddress(service.grpcAddress) };
  return (...args: string[]) => runUserd(args, { settings });
});

describe("userd, as a client of a running service,", { concurrent: true, timeout: 120_000 }, () => {
  test("shows a user by id, username or address, for people and as JSON", async ({ userd, clients }) => {
    const user = await createUser(clients["grpc-js"], { username: unique("ann"), name: "Ann" });
    const [byName, byEmail] = await Promise.all([
      userd("users", "show", user.username ?? ""),
      userd("users", "show", user.email ?? "", "--json"),
    ]);
    expect(byName).toMatchObject({ code: 0, stderr: "" });
    expect(byName.stdout).toMatch(new RegExp(`^email +${user.email} \\(primary\\)$`, "m"));
    expect(JSON.parse(byEmail.stdout)).toMatchObject({
      id: String(user.id),
      name: "Ann",
      emails: [{ email: user.email, isPrimary: true }],
    });
  });

  test("sets, gets and lists options, JSON and plain text alike", async ({ userd, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    const user = String(id);
    expect(await userd("options", "set", user, "theme", "dark")).toMatchObject({ code: 0, stdout: "created\n" });
    expect(await userd("options", "set", user, "theme", '"dark"')).toMatchObject({ code: 0, stdout: "unchanged\n" });
    expect(await userd("options", "set", user, "layout", '{"a": [1, true]}', "--project", "7")).toMatchObject({ stdout: "created\n" });
    expect(await userd("options", "get", user, "layout", "--project", "7")).toMatchObject({ code: 0, stdout: '{"a":[1,true]}\n' });
    expect((await userd("options", "list", user)).stdout).toMatch(/^project 7 +layout +\{"a":\[1,true\]\}$/m);
    const { stdout } = await userd("options", "list", user, "--json");
    expect(JSON.parse(stdout)).toMatchObject([
      { key: "theme", value: "dark" },
      { key: "layout", projectId: "7" },
    ]);
  });

  test("ends with a code and a sentence that scripts and people can use", async ({ userd, clients }) => {
    const email = `${unique("two")}@example.com`;
    const first = await createUser(clients["grpc-js"], { username: unique("n"), email });
    const second = await createUser(clients["grpc-js"], { username: unique("n"), email });
    await clients["grpc-js"].options.setOption({ userId: first.id, key: "k", value: value(1) });
    const [ambiguous, noUser, noOption, badKey, nobody] = await Promise.all([
      userd("users", "show", email),
      userd("users", "show", "999999999999999999"),
      userd("options", "get", String(first.id), "absent"),
      userd("options", "set", String(first.id), "bad key", "1"),
      runUserd(["users", "show", "1", "--address", "127.0.0.1:1"]),
    ]);
    expectSentence(ambiguous, 3, new RegExp(`Several users have this address: ${first.id}, ${second.id}\\. Name one by its id\\.`));
    expectSentence(noUser, 4, /There is no user 999999999999999999\./);
    expectSentence(noOption, 4, /has no option absent in this scope\./);
    expectSentence(badKey, 2, /key: must match .* \(FIELD_INVALID\)/);
    expectSentence(
      nobody,
      5,
      /^userd: No service answers at 127\.0\.0\.1:1 \(.*\): start one with `userd serve`, or name another with --address\.$/m,
    );
  });
});
