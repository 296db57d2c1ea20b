import { Client, type ClientConfig } from "pg";

/** True if the server is still at work for a connection: asked on another one. A server that can't be reached is not. */
const isAtWork = async (config: ClientConfig, processId: number): Promise<boolean> => {
  const control = new Client(config);
  // What goes wrong later is of no interest; without a listener it would end the process.
  control.on("error", () => {});
  try {
    await control.connect();
    const { rows } = await control.query("select from pg_stat_activity where pid = $1 and state in ('active', 'disabled')", [processId]);
    return rows.length > 0;
  } catch {
    return false;
  } finally {
    control.end().catch(() => {});
  }
};

/** pg's client, as far as it is not in its types. */
type Insides = { readonly processID: number; readonly connection: { readonly stream: { destroy: () => void } } };

/** A function that is given the promise of each answer on one connection, to watch whether it comes. */
export type Watch = (answer: Promise<unknown>) => void;

/**
 * Ends a connection on which a statement has had no answer for `silenceMs` while the server does nothing for it: its host is gone,
 * or the network has lost what was sent. Without that the statement, cancelled long ago, would keep its place in the pool until
 * the operating system gives up, after hours. A statement that takes long for a reason, such as an import or an index, goes on.
 */
export const watchConnection = (client: Client, config: ClientConfig, silenceMs: number): Watch => {
  const { connection } = client as unknown as Insides;
  let waiting = 0;
  const check = async () => {
    if (waiting === 0) return;
    const { processID } = client as unknown as Insides;
    if (await isAtWork({ ...config, password: config.password, query_timeout: silenceMs }, processID)) timer.refresh();
    else if (waiting > 0) connection.stream.destroy();
  };
  const timer = setTimeout(check, silenceMs).unref();
  const answered = () => {
    waiting -= 1;
    timer.refresh();
  };
  return (answer) => {
    waiting += 1;
    timer.refresh();
    answer.then(answered, answered);
  };
};
