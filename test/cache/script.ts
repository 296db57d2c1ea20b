import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";

/** A small generator of numbers: the same seed is the same script. */
const createRandom = (seed: number) => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    below: (bound: number): number => Math.floor(next() * bound),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
  };
};

const USERS = 12;
const ACCOUNTS = 3;
const keys = ["theme", "timezone", "free", "layout"] as const;
const json = [null, true, 1, 1.5, "Europe/Vienna", "dark", ["a", 2], { a: { b: 1 } }] as const;
const permissions = ["users.admin", "broadcasts.admin"] as const;
const roles = ["first", "second"] as const;

/** One call of the script, the same for every service that runs it. */
type Run = (clients: Clients) => Promise<unknown>;

/** A call, and whether what comes after it depends on it. */
export type Step = { readonly isWrite: boolean; readonly run: Run };

/** The calls of a script: reads three times as often as writes, of few users, so that they meet. */
export const createScript = (seed: number, calls: number): Step[] => {
  const { below, pick } = createRandom(seed);
  const userId = () => BigInt(1 + below(USERS + 1));
  const scope = () => pick([{}, {}, { projectId: 1n }, { organizationId: 2n }]);
  const accountId = () => BigInt(1 + below(ACCOUNTS + 1));
  const profileId = () => BigInt(1 + below(USERS * ACCOUNTS));
  const profileName = () => `profile${below(3)}`;
  const name = () => `name-${below(USERS + 4)}`;
  const target = () =>
    pick([
      { case: "globalScope" as const, value: {} },
      { case: "projectId" as const, value: 1n },
      { case: "organizationId" as const, value: 2n },
    ]);

  const writes: (() => Run)[] = [
    () => {
      const request = { userId: userId(), key: pick(keys), value: value(pick(json) as never), ...scope() };
      return ({ options }) => options.setOption(request);
    },
    () => {
      const request = { userId: userId(), key: pick(keys), allowMissing: true, ...scope() };
      return ({ options }) => options.deleteOption(request);
    },
    () => {
      const request = { target: target(), key: pick(keys), value: value(pick(json) as never), locked: below(2) === 0 };
      return ({ options }) => options.setScopeOption(request);
    },
    () => {
      const request = { target: target(), key: pick(keys), allowMissing: true };
      return ({ options }) => options.deleteScopeOption(request);
    },
    () => {
      const user = { id: userId(), username: name() };
      return ({ users }) => users.updateUser({ user });
    },
    () => {
      const request = { userId: userId(), permission: pick(permissions) };
      const grants = below(2) === 0;
      return ({ users }) => (grants ? users.grantPermission(request) : users.revokePermission(request));
    },
    () => {
      const request = { userId: userId(), roleName: pick(roles) };
      const assigns = below(2) === 0;
      return ({ users }) => (assigns ? users.assignRole(request) : users.unassignRole(request));
    },
    () => {
      const role = { name: pick(roles), permissions: [pick(permissions)] };
      return ({ users }) => users.updateRole({ role });
    },
    () => {
      const id = userId();
      const deletes = below(2) === 0;
      return ({ users }) => (deletes ? users.deleteUser({ id }) : users.undeleteUser({ id }));
    },
    () => {
      const request = { userId: userId(), email: `${name()}@example.com` };
      const adds = below(2) === 0;
      return ({ users }) => (adds ? users.addUserEmail(request) : users.removeUserEmail(request));
    },
    () => {
      const profile = { userId: userId(), accountId: accountId(), name: profileName() };
      return ({ profiles }) => profiles.createProfile({ profile });
    },
    () => {
      const profile = { id: profileId(), name: profileName(), description: `${below(5)}` };
      return ({ profiles }) => profiles.updateProfile({ profile });
    },
    () => {
      const id = profileId();
      return ({ profiles }) => profiles.deleteProfile({ id });
    },
    () => {
      const account = { id: accountId(), name: `${below(5)}` };
      return ({ profiles }) => profiles.updateAccount({ account });
    },
  ];
  const reads: (() => Run)[] = [
    () => {
      const request = { userId: userId(), key: pick(keys), ...scope() };
      return ({ options }) => options.getOption(request);
    },
    () => {
      const request = { userId: userId(), ...scope() };
      return ({ options }) => options.listOptions(request);
    },
    () => {
      const request = { userIds: [userId(), userId(), userId()], ...scope() };
      return ({ options }) => options.batchGetOptions(request);
    },
    () => {
      const request = { userIds: [userId(), userId()], keys: [...keys], projectId: 1n, organizationId: 2n, explain: true };
      return ({ options }) => options.resolveOptions(request);
    },
    () => {
      const request = { target: target(), key: pick(keys) };
      return ({ options }) => options.getScopeOption(request);
    },
    () => {
      const request = { id: userId(), view: pick([UserView.UNSPECIFIED, UserView.BASIC, UserView.FULL]) };
      return ({ users }) => users.getUser(request);
    },
    () => {
      const keysOf = [
        { key: { case: "username" as const, value: name() } },
        { key: { case: "email" as const, value: `${name()}@example.com` } },
      ];
      const request = { keys: [...keysOf, { key: { case: "id" as const, value: userId() } }], view: pick([UserView.BASIC, UserView.FULL]) };
      return ({ users }) => users.lookupUsers(request);
    },
    () => {
      const checks = [userId(), userId()].map((id) => ({ userId: id, permission: pick(permissions) }));
      return ({ users }) => users.checkPermissions({ checks });
    },
    () => {
      const key = pick([
        { case: "id" as const, value: profileId() },
        { case: "pair" as const, value: { userId: userId(), accountId: accountId() } },
        { case: "name" as const, value: { accountId: accountId(), name: profileName() } },
      ]);
      const request = { key, withUser: below(3) === 0, withAccount: below(3) === 0 };
      return ({ profiles }) => profiles.getProfile(request);
    },
    () => {
      const key = { case: "id" as const, value: accountId() };
      return ({ profiles }) => profiles.getAccount({ key });
    },
    () => {
      const condition = { case: "userId" as const, value: { ids: [userId()] } };
      const request = { filter: { node: { case: "term" as const, value: { condition } } }, pageSize: below(4), withUser: below(3) === 0 };
      return async ({ profiles }) => (await profiles.listProfiles(request)).profiles;
    },
  ];
  return Array.from({ length: calls }, () => {
    const isWrite = below(4) === 0;
    return { isWrite, run: pick(isWrite ? writes : reads)() };
  });
};

/** Makes what the script is about: users and accounts with the ids from 1 on, and roles. */
export const prepareScript = async ({ users, profiles }: Clients): Promise<void> => {
  for (let index = 0; index < ACCOUNTS; index += 1) await profiles.createAccount({ account: { number: `0000-0000-000${index}` } });
  for (let index = 0; index < USERS; index += 1) {
    await users.createUser({ user: { username: `name-${index}`, email: `name-${index}@example.com` } });
  }
  for (const name of roles) await users.createRole({ role: { name, permissions: [permissions[0]] } });
};

/** What two services have to agree on: everything but tokens and the moments at which they did something. */
const moments = new Set([
  "consistencyToken",
  "createTime",
  "updateTime",
  "dateJoined",
  "dateAdded",
  "lastLogin",
  "lastActive",
  "deleteTime",
  "purgeTime",
]);

/** The answer of a call, or its refusal, as text that can be compared. */
const outcomeOf = async ({ run }: Step, clients: Clients): Promise<string> => {
  const text = (answer: unknown) =>
    JSON.stringify(answer, (key, member: unknown) => {
      if (moments.has(key)) return undefined;
      return typeof member === "bigint" ? String(member) : member;
    });
  try {
    return text(await run(clients));
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason}`;
  }
};

/**
 * Runs a script, and brings the outcomes of all its calls. Every write waits for all that comes before it and all that comes
 * after it waits for the write; the reads between two writes, whose order nobody sees, run side by side.
 */
export const runScript = async (steps: readonly Step[], clients: Clients): Promise<string[]> => {
  const outcomes: string[] = [];
  let reads: Promise<string>[] = [];
  const landed = async () => {
    outcomes.push(...(await Promise.all(reads)));
    reads = [];
  };
  for (const step of steps) {
    if (!step.isWrite) {
      reads.push(outcomeOf(step, clients));
      continue;
    }
    await landed();
    outcomes.push(await outcomeOf(step, clients));
  }
  await landed();
  return outcomes;
};
