import { Client } from "pg";

/** The longest that the database may take to answer, in milliseconds. */
const PATIENCE_MS = 900;

/** A connection of its own that asks whether the database answers, whatever waits for those of the pool. */
export type Probe = AsyncDisposable & {
  /** Tells whether the database answers. Those who ask at the same time share one answer. */
  readonly answers: () => Promise<boolean>;
};

/** Makes the probe of the PostgreSQL at a URL. It connects when it is first asked, and again after a failure. */
export const createProbe = (url: string): Probe => {
  let connected: Promise<Client> | undefined;
  let asked: Promise<boolean> | undefined;

  const connect = async (): Promise<Client> => {
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
      application_name: "userd health",
      keepAlive: true,
    });
    // Who asks next finds out.
    client.on("error", () => {
      connected = undefined;
    });
    await client.connect();
    return client;
  };
  const close = async (): Promise<void> => {
    const closing = connected;
    connected = undefined;
    await (await closing?.catch(() => undefined))?.end().catch(() => {});
  };
  const ask = async (): Promise<boolean> => {
    try {
      connected ??= connect();
      await (await connected).query("select 1");
      return true;
    } catch {
      void close();
      return false;
    }
  };
  return {
    answers: () => {
      asked ??= ask().finally(() => {
        asked = undefined;
      });
      return asked;
    },
    [Symbol.asyncDispose]: close,
  };
};
