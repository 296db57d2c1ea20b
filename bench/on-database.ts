import { startPostgres } from "../test/support/postgres.ts";

/** Measures something on the database whose URL the command line has, or else on a private PostgreSQL. */
export const onDatabase = async (measure: (url: string) => Promise<void>): Promise<void> => {
  const [given] = process.argv.slice(2);
  if (given !== undefined) return measure(given);
  const postgres = await startPostgres();
  try {
    await measure(postgres.url);
  } finally {
    await postgres.stop();
  }
};
