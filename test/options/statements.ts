import pg from "pg";
import { vi } from "vitest";

const textOf = (query: unknown): string =>
  typeof query === "string" ? query : String((query as { text?: unknown; name?: unknown }).text ?? "");

/** A statement by which the sequencer looks at the feed, or makes a pass. */
const isOfSequencer = (text: string): boolean =>
  /pg_(current_)?snapshot|(lock|move)_feed_head\(|insert into feed \(|^update aggregate_version set xid = '0'/.test(text);

/** The look for commits of other processes, the probe of readiness, and the sequencer of the feed run by themselves, now and then. */
export const runsByItself = (text: string): boolean =>
  /^\s*select [\s\S]*\sfrom changes(\s|$)/.test(text) || text === "select 1" || isOfSequencer(text.trim());

type Sent = { readonly client: pg.Client; readonly text: string };

/** Leaves out the transactions in which the sequencer makes its passes, of which the first or last statements may be missing. */
const withoutPasses = (sent: readonly Sent[]): readonly string[] => {
  const writes = new Set<pg.Client>();
  const left = new Set(sent);
  for (const one of sent) {
    const { client, text } = one;
    // A write begins with the time that it has; a pass does not.
    if (text.startsWith("begin;")) writes.add(client);
    const ends = text === "commit" || text === "rollback";
    if (text === "begin" || isOfSequencer(text) || (ends && !writes.has(client))) left.delete(one);
    if (ends) writes.delete(client);
  }
  return [...left].map(({ text }) => text).filter((text) => !runsByItself(text));
};

/**
 * The statements that a call sends to PostgreSQL, in the order in which they are sent. Every connection of this process is
 * watched, so nothing else may run meanwhile.
 */
export const statementsOf = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
  const sent: Sent[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    // The time that a write has left is another one each time.
    const text = textOf(args[0])
      .replaceAll(/\s+/g, " ")
      .replace(/(?<=statement_timeout = )\d+/, "…")
      .trim();
    sent.push({ client: this, text });
    return Reflect.apply(query, this, args) as never;
  });
  try {
    await call();
  } finally {
    spy.mockRestore();
  }
  return withoutPasses(sent);
};
