import pg from "pg";
import { vi } from "vitest";

const textOf = (query: unknown): string =>
  typeof query === "string" ? query : String((query as { text?: unknown; name?: unknown }).text ?? "");

/** The look for commits of other processes and the probe of readiness run by themselves, now and then. */
export const runsByItself = (text: string): boolean => /^\s*select [\s\S]*\sfrom changes(\s|$)/.test(text) || text === "select 1";

/**
 * The statements that a call sends to PostgreSQL, in the order in which they are sent. Every connection of this process is
 * watched, so nothing else may run meanwhile.
 */
export const statementsOf = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
  const statements: string[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const text = textOf(args[0]).replaceAll(/\s+/g, " ").trim();
    if (!runsByItself(text)) statements.push(text);
    return Reflect.apply(query, this, args) as never;
  });
  try {
    await call();
  } finally {
    spy.mockRestore();
  }
  return statements;
};
