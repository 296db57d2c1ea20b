import { Client, type ClientConfig } from "pg";

/** Tells, by a question on another connection, whether the server works for a connection. False when the server can't be reached. */
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

/** The members of pg's client that its types lack. */
type Insides = { readonly processID: number; readonly connection: { readonly stream: { destroy: () => void } } };

/** A function that gets the promise of each answer on one connection, and notices when an answer does not come. */
export type Watch = (answer: Promise<unknown>) => void;

/**
 * Makes the watch that ends a connection when a statement has had no answer for `silenceMs` and the server is not at work on the statement.
 * Without the watch, a connection to a lost host would stay in the pool for hours. A long statement, such as one of an import, goes on.
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
