import { setTimeout as delay } from "node:timers/promises";
import { type DescMessage, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { credentials } from "@grpc/grpc-js";
import pg from "pg";
import { CreateAccountResponseSchema } from "../../../src/gen/userd/v1/account_pb.ts";
import { AddUserEmailResponseSchema } from "../../../src/gen/userd/v1/emails_pb.ts";
import { CreateOrganizationResponseSchema } from "../../../src/gen/userd/v1/organization_pb.ts";
import { SetOptionResponseSchema } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { CreateUserResponseSchema } from "../../../src/gen/userd/v1/user_service_pb.ts";
import { detailTypes } from "../../../src/status.ts";
import { buildUser, createUsers, unique, value } from "../../support/build.ts";
import { type Clients, clientsOver } from "../../support/clients.ts";
import type { Fleet } from "../../support/fleet.ts";
import { createGrpcJsTransport } from "../../support/grpc-js-transport.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import type { Drill } from "../drill.ts";

/** A connection that can be cut. */
type Connection = { readonly clients: Clients; readonly cut: () => void };

/** One copy of a mutation, whose answer is text. */
type Send = (clients: Clients, headers: { headers: Record<string, string> }) => Promise<string>;

const answered = async <D extends DescMessage>(schema: D, answer: Promise<MessageShape<D>>): Promise<string> =>
  toJsonString(schema, await answer, { registry: detailTypes });

/** Mutations by name, each with the whole request, so that every copy is the same. */
const mutations = {
  SetOption: (userId, requestId) => {
    const request = { userId, key: unique("k"), value: value(1), requestId };
    return ({ options }, headers) => answered(SetOptionResponseSchema, options.setOption(request, headers));
  },
  CreateAccount: (_, requestId) => {
    const request = { account: { name: unique("Account ") }, requestId };
    return ({ profiles }, headers) => answered(CreateAccountResponseSchema, profiles.createAccount(request, headers));
  },
  CreateOrganization: (userId, requestId) => {
    const request = { organization: { name: "Twice" }, ownerUserId: userId, requestId };
    return ({ organizations }, headers) => answered(CreateOrganizationResponseSchema, organizations.createOrganization(request, headers));
  },
  CreateUser: (_, requestId) => {
    const request = { user: buildUser(), requestId };
    return ({ users }, headers) => answered(CreateUserResponseSchema, users.createUser(request, headers));
  },
  AddUserEmail: (userId, requestId) => {
    const request = { userId, email: `${unique("also-")}@example.com`, requestId };
    return ({ users }, headers) => answered(AddUserEmailResponseSchema, users.addUserEmail(request, headers));
  },
} satisfies Record<string, (userId: bigint, requestId: string) => Send>;

/** Reconnects at once, since its connections are cut all the time. */
const impatient = { "grpc.initial_reconnect_backoff_ms": 20, "grpc.min_reconnect_backoff_ms": 20, "grpc.max_reconnect_backoff_ms": 100 };

const connect = async ({ members }: Fleet, count: number, stack: AsyncDisposableStack): Promise<readonly [Connection, ...Connection[]]> => {
  const connections = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Connection> => {
      const { host, port } = members[index % members.length]?.addresses.grpcAddress ?? { host: "", port: 0 };
      const proxy = stack.use(await startTcpProxy({ host, port }));
      const transport = createGrpcJsTransport(`127.0.0.1:${proxy.port}`, 5_000, credentials.createInsecure(), impatient);
      stack.defer(() => transport.close());
      return { clients: clientsOver(transport), cut: proxy.reset };
    }),
  );
  return connections as [Connection, ...Connection[]];
};

const isRetried = (error: unknown): boolean =>
  error instanceof ConnectError &&
  [Code.Unavailable, Code.Unknown, Code.Canceled, Code.DeadlineExceeded, Code.Aborted, Code.ResourceExhausted].includes(error.code);

/** Sends one copy until it is answered; a refusal is an answer that differs. */
const insist = async (send: Send, take: () => Connection, requestId: string): Promise<string> => {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      return await send(take().clients, { headers: { "x-request-id": requestId } });
    } catch (error) {
      if (!isRetried(error)) return String(error);
      await delay(5 + attempt * 5);
    }
  }
  return "no answer in 200 attempts";
};

/** Every mutation is sent several times at once under its request_id, over connections that are cut. */
export const retries: Drill = {
  rows: [12],
  name: "retries",
  about:
    "50,000 mutations, each sent 1 to 5 times at once under its request_id, 10 % with their connection cut; counts those with other than one effect or with answers that differ",
  isInShort: true,
  run: async ({ sharedFleet, of, random, stack }) => {
    const total = of(150, 50_000);
    const fleet = await sharedFleet();
    const connections = await connect(fleet, 24, stack);
    const users = await createUsers(connections[0].clients, 200);
    const requestIds: string[] = [];
    const complaints: string[] = [];
    let [begun, copies, cuts, wrong] = [0, 0, 0, 0];
    const mutate = async (): Promise<void> => {
      const name = random.pick(Object.keys(mutations) as [keyof typeof mutations]);
      const requestId = crypto.randomUUID();
      requestIds.push(requestId);
      const send = mutations[name](users[random.below(users.length)]?.id ?? 0n, requestId);
      const chosen = Array.from({ length: 1 + random.below(5) }, () => random.pick(connections));
      copies += chosen.length;
      const sent = chosen.map((connection) => {
        let isFirst = true;
        const take = () => {
          const taken = isFirst ? connection : random.pick(connections);
          isFirst = false;
          return taken;
        };
        return insist(send, take, requestId);
      });
      if (random.chance(0.1)) {
        cuts += 1;
        await delay(random.below(8));
        chosen[0]?.cut();
      }
      const answers = new Set(await Promise.all(sent));
      if (answers.size === 1 && [...answers][0]?.startsWith("{")) return;
      wrong += 1;
      complaints.push(`${name} was answered with ${[...answers].join(" and ")}`);
    };
    const loop = async (): Promise<void> => {
      while (begun < total) {
        begun += 1;
        await mutate();
      }
    };
    await Promise.all(Array.from({ length: 32 }, loop));
    const reader = new pg.Client(fleet.databaseUrl);
    await reader.connect();
    stack.defer(() => reader.end());
    const { rows } = await reader.query<{ id: string; effects: number }>(
      `select r.id, count(distinct xid)::int as effects from unnest($1::text[]) r (id) left join changes on request_id = r.id
        group by r.id having count(distinct xid) <> 1`,
      [requestIds],
    );
    for (const { id, effects } of rows) complaints.push(`request ${id} had ${effects} effects`);
    return { operations: total, faults: cuts, figure: wrong + rows.length, bound: 0, complaints, besides: { copies } };
  },
};
