import { Code, ConnectError } from "@connectrpc/connect";
import { createUser } from "../../support/build.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

const HERD = 1_000;

/** A thousand calls miss the same key at once. */
export const herd: Drill = {
  rows: [7],
  name: "herd",
  about:
    "1,000 calls at once on one key that nobody has cached, at each of three services; counts the most queries for it that one service has sent",
  run: async ({ fleet, of, stack }) => {
    // Without prepared statements each query has its text, by which the proxy before the database knows it. On a slow machine a herd lasts for seconds, and
    // is not to be read again since the bound has passed.
    const settings = { DATABASE_PREPARED_STATEMENTS: "false", MAX_CONCURRENT_CALLS: "5000", CACHE_STALENESS_MS: "30000" };
    const { members } = await fleet({ settings, size: of(1, 3) });
    const clients = connectClients(members, members.length, stack);
    const queries = members.map(() => 0);
    for (const [index, { database }] of members.entries()) {
      const count = (chunk: Buffer): boolean => {
        if (chunk.includes("user_option")) queries[index] = (queries[index] ?? 0) + 1;
        return false;
      };
      // It never cuts, but sees all that the service sends.
      void database.cut({ when: count, moment: "before" });
    }
    const rounds = of(2, 20);
    let [most, refused] = [0, 0];
    // A service may refuse a part of so many; a refusal costs no query.
    const refuse = (error: unknown): void => {
      if (!(error instanceof ConnectError) || error.code !== Code.ResourceExhausted) throw error;
      refused += 1;
    };
    for (let round = 0; round < rounds; round += 1) {
      const [some] = clients;
      if (some === undefined) throw new Error("The fleet has no members.");
      const { id: userId } = await createUser(some);
      queries.fill(0);
      const calls = clients.flatMap(({ options }) =>
        Array.from({ length: HERD }, () => options.getOption({ userId, key: "k" }).catch(refuse)),
      );
      await Promise.all(calls);
      most = Math.max(most, ...queries);
    }
    const operations = rounds * HERD * members.length;
    const complaints = most === 0 ? ["no query was seen at all"] : [];
    return { operations, faults: 0, figure: most, bound: 1, complaints, besides: { refused } };
  },
};
