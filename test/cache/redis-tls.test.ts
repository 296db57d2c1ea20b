import { pino } from "pino";
import { expect, test } from "vitest";
import { openRedis } from "../../src/cache/redis.ts";
import { loadConfig } from "../../src/config.ts";
import { needTools, temporaryFolder } from "../foreign/tools.ts";
import { createAuthority } from "../support/certificates.ts";
import { startRedis } from "../support/redis.ts";

test("Redis is spoken to over TLS, when its certificate can be verified", async ({ skip }) => {
  needTools(skip, "openssl", "redis-server");
  await using folder = await temporaryFolder();
  const authority = await createAuthority(folder.path);
  const [right, elsewhere] = [await authority.issue("redis"), await authority.issue("elsewhere", { names: "DNS:other.example.org" })];
  const other = await createAuthority(folder.path, "other");

  const store = async (url: string, ca: string | undefined) => {
    const codes: unknown[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void codes.push(JSON.parse(line).code) });
    await using redis = openRedis({ url, ca }, new Uint8Array(32), log);
    const isStored = async () => {
      await redis.store.set("k", "v", 10_000);
      return redis.store.get("k");
    };
    const until = Date.now() + 5_000;
    while (codes.length === 0 && Date.now() < until) {
      const value = await isStored().catch(() => undefined);
      if (value !== undefined) return value;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return codes[0];
  };

  await using redis = await startRedis({ ...right, ca: authority.ca });
  expect(await store(redis.url, authority.ca)).toBe("v");
  expect(await store(redis.url, other.ca)).toMatch(/SIGNATURE|UNABLE|SELF_SIGNED/);
  expect(await store(redis.url, undefined)).toMatch(/SIGNATURE|UNABLE|SELF_SIGNED/);
  await using astray = await startRedis({ ...elsewhere, ca: authority.ca });
  expect(await store(astray.url, authority.ca)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
});

test("CACHE_CA is for rediss://, and has to be a file", () => {
  const load = (settings: NodeJS.ProcessEnv) => loadConfig(settings, {});
  expect(load({ CACHE_URL: "rediss://cache:6379", CACHE_CA: "ca.pem" }).cache.url).toMatchObject({ ca: "ca.pem" });
  for (const CACHE_URL of ["redis://cache:6379", "memory"])
    expect(() => load({ CACHE_URL, CACHE_CA: "ca.pem" })).toThrow(/is for .* rediss/);
  expect(() => openRedis({ url: "rediss://127.0.0.1:1", ca: "/nowhere" }, new Uint8Array(32), pino({ level: "silent" }))).toThrow(
    /CACHE_CA \/nowhere can't be read \(ENOENT\)/,
  );
});
