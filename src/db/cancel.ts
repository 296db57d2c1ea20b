import { type Client, Connection } from "pg";

/** The members of pg's client and connection that its types lack. */
type Insides = {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly sslNegotiation: string;
  readonly processID: number;
  readonly secretKey: number;
  readonly connection: { readonly stream: { destroy: () => void } };
};
type Wire = Connection & {
  connect: (port: number | string, host?: string) => void;
  requestSsl: () => void;
  cancel: (processID: number, secretKey: number) => void;
};

/** The longest that it may take to send the message, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Sends PostgreSQL's own message for this, over a connection that is for nothing else and needs no place in any pool. */
const send = ({ host, port, ssl, sslNegotiation, processID, secretKey }: Insides): Promise<void> =>
  new Promise((resolve, reject) => {
    const wire = new Connection({ ssl, sslNegotiation } as never) as Wire;
    const timer = setTimeout(() => wire.stream.destroy(new Error("The server was not told in time.")), PATIENCE_MS);
    let isSent = false;
    const cancelNow = () => {
      isSent = true;
      wire.cancel(processID, secretKey);
    };
    wire.on("connect", () => {
      if (!ssl) cancelNow();
      else if (sslNegotiation !== "direct") wire.requestSsl();
    });
    wire.on("sslconnect", cancelNow);
    wire.on("error", reject);
    // The server closes it when it has signalled the process, and not before.
    wire.on("end", () => {
      clearTimeout(timer);
      if (isSent) resolve();
      else reject(new Error("The connection was closed before the message was sent."));
    });
    if (host.startsWith("/")) wire.connect(`${host}/.s.PGSQL.${port}`);
    else wire.connect(port, host);
  });

/**
 * Cancels the statement that a client waits for, or closes the client's connection when the server can't be reached. Send no new statement
 * before the promise resolves: the new statement could be cancelled instead.
 */
export const cancelStatement = async (client: Client): Promise<void> => {
  const insides = client as unknown as Insides;
  await send(insides).catch(() => insides.connection.stream.destroy());
};
