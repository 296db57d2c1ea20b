import { setTimeout } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { createUser, createUsers, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { json } from "./json.ts";

/** What became of calls that were not acknowledged, by code. */
type Failures = Record<string, number>;

const count = (failures: Failures, error: unknown): void => {
  const code = error instanceof ConnectError ? (Code[error.code] ?? String(error.code)) : String(error);
  failures[code] = (failures[code] ?? 0) + 1;
};

/** Options that each client sets, for the first time: all clients the same ones, in the same order. */
export const raceFirstSets = async (clients: readonly Clients[], options: number) => {
  const [first] = clients;
  if (first === undefined) throw new Error("nobody races");
  const users = await createUsers(first, Math.ceil(options / 100));
  let created = 0;
  const failures: Failures = {};
  const race = async (client: Clients, by: number): Promise<void> => {
    for (let index = 0; index < options; index += 1) {
      const userId = users[Math.floor(index / 100)]?.id ?? 0n;
      try {
        const answer = await client.options.setOption({ userId, key: `k${index % 100}`, value: value(by) });
        if (answer.created) created += 1;
      } catch (error) {
        count(failures, error);
      }
    }
  };
  await Promise.all(clients.map(race));
  return { userIds: users.map(({ id }) => id), created, failures };
};

/** Clients that add 1 to one option, each on the base of what it has read, until so many additions are acknowledged or attempts are made. */
export const raceIncrements = async (clients: readonly Clients[], { additions = Infinity, attempts = Infinity }) => {
  const [first] = clients;
  if (first === undefined) throw new Error("nobody races");
  const { id: userId } = await createUser(first);
  const target = { userId, key: "counter" };
  // The clients may be those of several processes.
  const strong = { mode: { case: "fullyConsistent" as const, value: true } };
  await first.options.setOption({ ...target, value: value(0) });
  let acknowledged = 0;
  let begun = 0;
  let tried = 0;
  const failures: Failures = {};
  const addOne = async ({ options }: Clients): Promise<boolean> => {
    const { option } = await options.getOption({ ...target, consistency: strong });
    try {
      await options.setOption({ ...target, value: value(Number(json(option?.value)) + 1), etag: option?.etag ?? "" });
      return true;
    } catch (error) {
      count(failures, error);
      return false;
    }
  };
  const race = async (client: Clients): Promise<void> => {
    while (begun < additions && tried < attempts) {
      begun += 1;
      tried += 1;
      if (await addOne(client)) acknowledged += 1;
      else begun -= 1;
      // As a client does that lost: a moment later, or it loses again.
      await setTimeout(Math.random() * 20);
    }
  };
  await Promise.all(clients.map(race));
  const final = json((await first.options.getOption({ ...target, consistency: strong })).value);
  return { final, acknowledged, failures };
};
