import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** Tells whether the first bytes of a connection are those of a cancel. */
export const isCancel = (bytes: Buffer): boolean => bytes.length === 16 && bytes.readInt32BE(4) === 80_877_102;

/** A proxy in front of PostgreSQL on which cancels are counted. */
export type CancelProxy = Disposable & {
  /** The URL of the database, through the proxy. */
  readonly url: string;
  /** The number of cancels that were sent, those that did not come through too. */
  readonly cancels: () => number;
};

type CancelProxyOptions = {
  /** Tells whether the cancel with this number comes through; the first one is 1. By default all do. */
  readonly passes?: (number: number) => boolean;
  /** Resolves when the sender of a cancel may learn that the server has signalled. */
  readonly ended?: Promise<void>;
};

/** Starts a proxy in front of the PostgreSQL that a URL names. */
export const startCancelProxy = async (
  databaseUrl: string,
  { passes = () => true, ended = Promise.resolve() }: CancelProxyOptions,
): Promise<CancelProxy> => {
  const url = new URL(databaseUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  let cancels = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client
      .on("error", () => {})
      .once("data", async (first) => {
        const upstream = connect(target).on("error", () => client.destroy());
        if (!isCancel(first)) {
          upstream.write(first);
          return client.pipe(upstream).pipe(client);
        }
        cancels += 1;
        // PostgreSQL closes it once it has signalled: told earlier, the sender's next statement would meet the cancel.
        const signalled = new Promise((resolve) => upstream.once("close", resolve));
        upstream.resume().end(passes(cancels) ? first : "");
        return Promise.all([signalled, ended]).then(() => client.end());
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: url.href, cancels: () => cancels, [Symbol.dispose]: () => void server.close() };
};
