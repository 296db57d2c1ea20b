import assert from "node:assert/strict";
import { createClient } from "@connectrpc/connect";
import pg from "pg";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createGrpcJsTransport } from "../../test/support/grpc-js-transport.ts";
import type { Bench, Row } from "../bench.ts";
import { prepareWrite, stampedDigits } from "./write.ts";

const base = { yardstick: "bare grpc-js, same bytes", valuesPerCall: 1 } as const;

/** CreateUser with an address that nobody has. */
export const createUser: Row = {
  ...base,
  name: "create_user",
  prepare: (bench) =>
    prepareWrite(bench, {
      method: UserService.method.createUser,
      first: { user: { email: "bench-first-of-all@example.com" } },
      requests: [{ user: { email: `bench-${stampedDigits}@example.com` } }],
      check: ({ user }) => assert.equal(user?.username, "bench-first-of-all@example.com"),
    }),
};

/** UpdateUser of a name, 1,000 users in turn. */
export const updateUser: Row = {
  ...base,
  name: "update_user",
  prepare: (bench) => {
    const request = (id: bigint, name: string) => ({ user: { id, name }, updateMask: { paths: ["name"] } });
    return prepareWrite(bench, {
      method: UserService.method.updateUser,
      first: request(bench.seed.userIds[0] ?? 0n, "Ann"),
      requests: bench.seed.userIds.map((id) => request(id, `Ann ${stampedDigits}`)),
      check: ({ user }) => assert.equal(user?.name, "Ann"),
    });
  },
};

/** More profiles than a round makes, since a user has one in an account. */
const accounts = 30;

/** CreateProfile of users in accounts that they are not in. */
export const createProfile: Row = {
  ...base,
  name: "create_profile",
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const client = new pg.Client(bench.service.databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    const { rows } = await client.query<{ id: string }>(
      "insert into account (number) select '0002-0000-' || lpad(n::text, 4, '0') from generate_series(0, $1) n returning id",
      [accounts],
    );
    const [firstAccount = 0n, ...others] = rows.map(({ id }) => BigInt(id));
    const request = (userId: bigint, accountId: bigint) => ({ profile: { userId, accountId, name: "bench" } });
    const prepared = stack.use(
      await prepareWrite(bench, {
        method: ProfileService.method.createProfile,
        first: request(bench.seed.userIds[0] ?? 0n, firstAccount),
        requests: others.flatMap((accountId) => bench.seed.userIds.map((userId) => request(userId, accountId))),
        check: ({ profile }) => assert.equal(profile?.accountId, firstAccount),
        reset: async () => {
          await client.query("delete from user_profile where account_id = any ($1)", [others.map(String)]);
        },
      }),
    );
    const running = stack.move();
    return { ...prepared, [Symbol.asyncDispose]: () => running.disposeAsync() };
  },
};

/** Makes organizations of one owner and one member each: writes of different organizations do not wait for each other. */
const makeOrganizations = async ({ service, seed }: Bench, count: number): Promise<bigint[]> => {
  const transport = createGrpcJsTransport(service.grpcAddress, 30_000);
  const client = createClient(OrganizationService, transport);
  const [ownerUserId = 0n, userId = 0n] = seed.userIds;
  try {
    const organizationIds: bigint[] = [];
    for (let index = 0; index < count; index += 1) {
      const { organization } = await client.createOrganization({ organization: { name: `Bench ${index}` }, ownerUserId });
      const organizationId = organization?.id ?? 0n;
      await client.addMember({ organizationId, userId, role: MemberRole.MEMBER });
      organizationIds.push(organizationId);
    }
    return organizationIds;
  } finally {
    transport.close();
  }
};

/** SetMemberRole that changes the role, of 100 organizations in turn. */
export const setMemberRole: Row = {
  ...base,
  name: "set_member_role",
  prepare: async (bench) => {
    const organizationIds = await makeOrganizations(bench, 100);
    const request = (organizationId: bigint, role: MemberRole) => ({
      organizationId,
      member: { case: "userId" as const, value: bench.seed.userIds[1] ?? 0n },
      role,
    });
    return prepareWrite(bench, {
      method: OrganizationService.method.setMemberRole,
      first: request(organizationIds[0] ?? 0n, MemberRole.ADMIN),
      requests: [MemberRole.MANAGER, MemberRole.MEMBER].flatMap((role) => organizationIds.map((id) => request(id, role))),
      check: ({ member }) => assert.equal(member?.role, MemberRole.ADMIN),
    });
  },
};
