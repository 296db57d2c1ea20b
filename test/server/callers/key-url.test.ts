import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { DomainError } from "../../../src/errors.ts";
import { loadCallers } from "../../../src/server/callers/callers.ts";
import type { Credentials } from "../../../src/server/callers/credentials.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { sha256, writeCallersFile } from "./callers-file.ts";
import { createSigningKey, ISSUER, sign, startKeyServer } from "./issuer.ts";

const soon = { timeout: 10_000, interval: 20 };
const times = { patience: 20_000, interval: 100_000, pause: 100, age: 100_000 };

const [first, second] = [await createSigningKey("first"), await createSigningKey("second")];

const showing = (token: string): Credentials => ({
  header: () => `Bearer ${token}`,
  headers: () => "",
  peer: { address: "127.0.0.1", certificate: undefined },
});

/** Callers of an issuer whose keys are at a URL, and the log. */
const start = (url: string, changed: Partial<typeof times> = {}) => {
  const tokenFile = writeCallersFile({
    callers: [{ name: "web", token_sha256: sha256("opaque"), subjects: [{ issuer: ISSUER, subject: "web" }], permissions: [] }],
    issuers: [{ issuer: ISSUER, audience: "userd", jwks_url: url }],
  });
  const lines: string[] = [];
  const callers = loadCallers({
    config: { tokenFile, peers: { proxies: [], header: "none" } },
    log: createLogger("info", { write: (line) => void lines.push(line) }),
    isTrusted: () => false,
    keyTimes: { ...times, ...changed },
  });
  return {
    lines,
    /** What becomes of a call with a token: the caller's name, or the reason of the refusal. */
    outcome: async (token: string): Promise<string> => {
      try {
        return (await callers.find(showing(token))).caller.name;
      } catch (error) {
        return (error as DomainError).reason;
      }
    },
    find: (token: string) => callers.find(showing(token)),
    [Symbol.dispose]: () => callers.stop(),
  };
};

describe("keys at a URL", () => {
  test("are fetched once for all, and again for a token whose key is not among them", async () => {
    await using server = await startKeyServer();
    server.publish(first);
    using callers = start(server.url);
    const token = await sign(first);
    expect(await Promise.all(Array.from({ length: 20 }, () => callers.outcome(token)))).toEqual(Array(20).fill("web"));
    expect(server.fetches()).toBe(1);
    // From then on it costs what any other token costs.
    expect(callers.find(token)).toMatchObject({ caller: { name: "web" } });

    server.publish(first, second);
    await delay(times.pause);
    expect(await callers.outcome(await sign(second))).toBe("web");
    expect(await callers.outcome(token)).toBe("web");
    expect(server.fetches()).toBe(2);
  });

  test("that are gone are used no more, by remembered tokens neither", async () => {
    await using server = await startKeyServer();
    server.publish(first);
    using callers = start(server.url, { interval: 150 });
    const token = await sign(first);
    expect(await callers.outcome(token)).toBe("web");
    server.publish(second);
    await vi.waitFor(async () => expect(await callers.outcome(token)).toBe("CREDENTIALS_REQUIRED"), soon);
  });

  test("are fetched at most once in a while, whatever names of keys strangers make up", async () => {
    await using server = await startKeyServer();
    server.publish(first);
    using callers = start(server.url, { pause: 60_000 });
    expect(await callers.outcome(await sign(first))).toBe("web");
    for (let index = 0; index < 50; index += 1) {
      expect(await callers.outcome(await sign({ ...second, kid: `made-up-${index}` }))).toBe("CREDENTIALS_REQUIRED");
    }
    expect(server.fetches()).toBe(1);
  });

  test("that never arrive hold up 32 calls and no others, and are there when they come at last", async () => {
    await using server = await startKeyServer();
    const patience = 1_000;
    using callers = start(server.url, { patience });
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => sign(first, { claims: { jti: `${index}` } })));
    const began = performance.now();
    const ends = await Promise.all(
      tokens.map(async (token) => ({ outcome: await callers.outcome(token), waited: performance.now() - began > patience / 2 })),
    );
    expect(new Set(ends.map(({ outcome }) => outcome))).toEqual(new Set(["ISSUER_UNAVAILABLE"]));
    expect(ends.filter(({ waited }) => waited)).toHaveLength(32);
    expect(server.fetches()).toBe(1);
    // A token of the callers' file needs no promise meanwhile.
    expect(callers.find("opaque")).toMatchObject({ caller: { name: "web" } });
    server.publish(first);
    await vi.waitFor(async () => expect(await callers.outcome(tokens[0] ?? "")).toBe("web"), soon);
  });

  test("are used while the next fetch hangs", async () => {
    await using server = await startKeyServer();
    server.publish(first);
    using callers = start(server.url, { patience: 1_000 });
    expect(await callers.outcome(await sign(first))).toBe("web");
    server.send(undefined);
    await delay(times.pause);
    const waiting = callers.outcome(await sign(second));
    await vi.waitFor(() => expect(server.fetches()).toBe(2), soon);
    expect(await callers.outcome(await sign(first, { claims: { jti: "new" } }))).toBe("web");
    expect(await waiting).toBe("CREDENTIALS_REQUIRED");
  });

  test("that can't be fetched again are used for a while, and then no more", async () => {
    await using server = await startKeyServer();
    server.publish(first);
    using callers = start(server.url, { interval: 150, age: 1_500 });
    const token = await sign(first);
    expect(await callers.outcome(token)).toBe("web");
    server.send({ status: 500, body: "" });
    await delay(300);
    expect(await callers.outcome(token)).toBe("web");
    await vi.waitFor(async () => expect(await callers.outcome(token)).toBe("ISSUER_UNAVAILABLE"), soon);
    expect(
      callers.lines.filter((line) => line.includes("can't be fetched")),
      "one line, not one for each fetch",
    ).toHaveLength(1);
    server.publish(first);
    await vi.waitFor(async () => expect(await callers.outcome(token)).toBe("web"), soon);
  });

  test.for([
    ["is answered with 404", { status: 404, body: "{}" }, "is answered with the status 404"],
    ["is no JSON", { body: "<html>" }, "is not valid JSON"],
    ["is no key set", { body: "{}" }, "is no key set"],
    ["has secrets alone", { body: '{"keys":[{"kty":"oct","k":"AAAA"}]}' }, "has no key for signatures with a public key"],
    ["is huge", { body: `{"keys":[${" ".repeat(1_000_000)}]}` }, "has more than 262144 bytes"],
  ] as const)("are not taken from what %s", async ([, answer, sentence]) => {
    await using server = await startKeyServer();
    server.send(answer);
    using callers = start(server.url);
    expect(await callers.outcome(await sign(first))).toBe("ISSUER_UNAVAILABLE");
    expect(callers.lines.join("")).toContain(sentence);
  });
});
