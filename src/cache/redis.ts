import { readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import KeyvRedis, { createClient } from "@keyv/redis";
import Keyv from "keyv";
import type { Logger } from "pino";
import { ConfigError } from "../config.ts";
import { createSeal, createVault, type Seal } from "../secrets/secrets.ts";
import { type Notification, type NotificationJson, notificationFromJson, notificationToJson } from "../versions/notification.ts";
import type { Bus, Store } from "./ports.ts";

/** The store that processes share, and the bus between these processes, both over one Redis server. */
export type Redis = AsyncDisposable & {
  readonly store: Store;
  readonly bus: Bus;
  /** Calls `listener` with every notification that any process publishes, this one included. */
  readonly listen: (listener: (notification: Notification) => void) => void;
};

const CHANNEL = "userd:committed";
/** The first and the longest wait before another attempt to connect, in milliseconds. */
const RECONNECT_MS = [50, 1_000] as const;
const CONNECT_TIMEOUT_MS = 500;

const encode = (notification: Notification, seal: Seal): string => seal.seal(JSON.stringify(notificationToJson(notification)));

/** Reads a message. Throws an Error when it was not sealed with this service's key. */
const decode = (text: string, seal: Seal): Notification => {
  const payload = seal.open(text);
  if (payload === undefined) throw new Error("The notification was not made with this secret key.");
  return notificationFromJson(JSON.parse(payload) as NotificationJson);
};

/** The place of a Redis server: its URL, and the path of a PEM file with the certificates that it is trusted by; undefined = the system's. */
export type RedisAddress = { readonly url: string; readonly ca: string | undefined };

const readCertificates = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`CACHE_CA ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
};

/**
 * Connects to Redis in the background. While Redis can't be reached, commands fail at once, and userd works without it, only slower. Values
 * are encrypted with `secretKey`: a value that was written with another key is never returned.
 */
export const openRedis = ({ url, ca }: RedisAddress, secretKey: Uint8Array, log: Logger): Redis => {
  const vault = createVault(secretKey);
  const seal = createSeal(secretKey, "cache-notification");
  let isDown = false;
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      ...(ca !== undefined && { tls: true, ca: readCertificates(ca) }),
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (attempt: number) => Math.min(RECONNECT_MS[0] * 2 ** attempt, RECONNECT_MS[1]),
    },
  });
  const subscriber = client.duplicate();
  for (const one of [client, subscriber]) {
    // The driver's own sentences can hold the address with its password.
    one.on("error", (error: NodeJS.ErrnoException) => {
      if (!isDown) log.warn({ code: error.code }, "the shared cache can't be reached; the database answers");
      isDown = true;
    });
    one.on("ready", () => {
      if (isDown) log.info("the shared cache is back");
      isDown = false;
    });
    one.connect().catch(() => {});
  }
  const keyv = new Keyv<unknown>({
    store: new KeyvRedis(client, { throwOnErrors: true, throwOnConnectError: true }),
    useKeyPrefix: false,
    throwOnErrors: true,
    // Not JSON: it has neither bigint nor Date.
    serialize: (data) => vault.lock(serialize(data).toString("base64")).toString("base64"),
    deserialize: (text) => deserialize(Buffer.from(vault.unlock(Buffer.from(text, "base64")), "base64")),
  });
  keyv.on("error", () => {});
  return {
    store: {
      get: (key) => keyv.get(key),
      set: async (key, value, ttlMs) => {
        // Whole milliseconds: Redis refuses others.
        if (!(await keyv.set(key, value, Math.ceil(ttlMs)))) throw new Error("The shared cache did not take a value.");
      },
    },
    bus: {
      publish: (notification) => {
        if (client.isReady) client.publish(CHANNEL, encode(notification, seal)).catch(() => {});
      },
    },
    listen: (listener) => {
      const onMessage = (text: string) => {
        try {
          listener(decode(text, seal));
        } catch (error) {
          log.warn({ err: error }, "a notification can't be read");
        }
      };
      // Kept by the client across connections.
      subscriber.subscribe(CHANNEL, onMessage).catch(() => {});
      subscriber.on("ready", () => void subscriber.subscribe(CHANNEL, onMessage).catch(() => {}));
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of [client, subscriber]) one.destroy();
    },
  };
};
