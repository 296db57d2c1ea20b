import pg from "pg";
import { vi } from "vitest";

const textOf = (query: unknown): string =>
  typeof query === "string" ? query : String((query as { text?: unknown; name?: unknown }).text ?? "");

/** The look for commits of other processes runs by itself, now and then. */
const isOfThePoll = (text: string): boolean => / from changes( |$)/.test(text);

/**
 * The statements that a call sends to PostgreSQL, in the order in which they are sent. Every connection of this process is
 * watched, so nothing else may run meanwhile.
 */
export const statementsOf = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
  const statements: string[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const text = textOf(args[0]).replaceAll(/\s+/g, " ").trim();
    if (!isOfThePoll(text)) statements.push(text);
    return Reflect.apply(query, this, args) as never;
  });
  try {
    await call();
  } finally {
    spy.mockRestore();
  }
  return statements;
};
