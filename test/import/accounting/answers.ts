import { type DescMessage, type Message, type MessageShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { RawBuilder } from "kysely";
import type { Database } from "../../../src/db/orm.ts";
import { AccountContactSchema } from "../../../src/gen/userd/v1/account_contact_pb.ts";
import { AccountSchema } from "../../../src/gen/userd/v1/account_pb.ts";
import { AuthIdentitySchema, AuthProviderSchema } from "../../../src/gen/userd/v1/auth_identity_pb.ts";
import { AuthenticatorSchema } from "../../../src/gen/userd/v1/authenticator_pb.ts";
import { IdentityProviderSchema, IdentitySchema } from "../../../src/gen/userd/v1/identity_pb.ts";
import { MemberSchema } from "../../../src/gen/userd/v1/member_pb.ts";
import { OrganizationSchema } from "../../../src/gen/userd/v1/organization_pb.ts";
import { ProjectSchema } from "../../../src/gen/userd/v1/project_pb.ts";
import { RoleSchema } from "../../../src/gen/userd/v1/role_pb.ts";
import { ScopeOptionSchema } from "../../../src/gen/userd/v1/scope_option_pb.ts";
import { TeamSchema } from "../../../src/gen/userd/v1/team_pb.ts";
import { UserOptionSchema } from "../../../src/gen/userd/v1/user_option_pb.ts";
import { UserEmailSchema, UserSchema, UserView } from "../../../src/gen/userd/v1/user_pb.ts";
import { UserProfileSchema } from "../../../src/gen/userd/v1/user_profile_pb.ts";
import { resourceField } from "../../../src/kinds/resource-fields.ts";
import { kinds } from "../../../src/schema/entities.ts";
import type { Clients } from "../../support/clients.ts";
import { rowsOf } from "../fixture.ts";

/** An answer of an RPC, as its JSON. */
export type Answer = Readonly<Record<string, unknown>>;

const now = { mode: { case: "fullyConsistent", value: true } } as const;

const plain = <D extends DescMessage>(schema: D, message: MessageShape<D> | undefined): Answer | undefined =>
  message === undefined ? undefined : (toJson(schema, message, { alwaysEmitImplicit: true }) as Answer);

const unlessMissing = async <T>(call: Promise<T>): Promise<T | undefined> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return undefined;
    throw error;
  }
};

const allPages = async <P extends { readonly nextPageToken: string }, D extends DescMessage>(
  schema: D,
  fetch: (pageToken: string) => Promise<P>,
  of: (page: P) => readonly MessageShape<D>[],
): Promise<readonly Answer[]> => {
  const found: Answer[] = [];
  for (let token = "", pages = 0; pages < 1_000; pages++) {
    const page = (await unlessMissing(fetch(token))) as P | undefined;
    if (page === undefined) return found;
    found.push(...of(page).map((message) => plain(schema, message) as Answer));
    token = page.nextPageToken;
    if (token === "") return found;
  }
  throw new Error("a list has no end");
};

/** A function that asks once for each argument. */
const once = <A extends readonly string[], T>(ask: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) => {
  const asked = new Map<string, Promise<T>>();
  return (...args) => {
    const key = args.join("/");
    const answer = asked.get(key) ?? ask(...args);
    asked.set(key, answer);
    return answer;
  };
};

const scopeOf = (kind: string, id: string) =>
  kind === "global"
    ? ({ case: "globalScope", value: {} } as const)
    : kind === "organization"
      ? ({ case: "organizationId", value: BigInt(id) } as const)
      : ({ case: "projectId", value: BigInt(id) } as const);

/** What the service answers, each question asked once; and rows, for what no RPC answers. */
export const createAnswers = ({ users, options, organizations, profiles, families }: Clients, db: Database) => {
  const consistency = now;
  return {
    user: once(async (id: string) =>
      plain(UserSchema, (await unlessMissing(users.getUser({ id: BigInt(id), view: UserView.FULL, consistency })))?.user),
    ),
    userNamed: once(async (username: string) => {
      const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: username } }], consistency });
      return results[0]?.user === undefined ? undefined : String(results[0].user.id);
    }),
    emails: once((id: string) =>
      allPages(
        UserEmailSchema,
        (pageToken) => users.listUserEmails({ userId: BigInt(id), pageToken, consistency }),
        ({ emails }) => emails,
      ),
    ),
    identities: once((id: string) =>
      allPages(
        IdentitySchema,
        (pageToken) => users.listIdentities({ userId: BigInt(id), pageToken, consistency }),
        ({ identities }) => identities,
      ),
    ),
    authenticators: once((id: string) =>
      allPages(
        AuthenticatorSchema,
        (pageToken) => users.listAuthenticators({ userId: BigInt(id), pageToken, consistency }),
        ({ authenticators }) => authenticators,
      ),
    ),
    roles: once(() =>
      allPages(
        RoleSchema,
        (pageToken) => users.listRoles({ pageToken, consistency }),
        ({ roles }) => roles,
      ),
    ),
    identityProviders: once(() =>
      allPages(
        IdentityProviderSchema,
        (pageToken) => users.listIdentityProviders({ pageToken, consistency }),
        ({ providers }) => providers,
      ),
    ),
    authProviders: once(() =>
      allPages(
        AuthProviderSchema,
        (pageToken) => users.listAuthProviders({ pageToken, consistency }),
        ({ providers }) => providers,
      ),
    ),
    authIdentities: once((organizationId: string) =>
      allPages(
        AuthIdentitySchema,
        (pageToken) => users.listAuthIdentities({ organizationId: BigInt(organizationId), pageToken, consistency }),
        ({ identities }) => identities,
      ),
    ),
    options: once((id: string) =>
      allPages(
        UserOptionSchema,
        (pageToken) => options.listOptions({ userId: BigInt(id), allScopes: true, pageToken, consistency }),
        ({ options: listed }) => listed,
      ),
    ),
    scopeOptions: once((kind: string, id: string) =>
      allPages(
        ScopeOptionSchema,
        (pageToken) => options.listScopeOptions({ target: scopeOf(kind, id), pageToken, consistency }),
        ({ options: listed }) => listed,
      ),
    ),
    organization: once(async (id: string) =>
      plain(
        OrganizationSchema,
        (await unlessMissing(organizations.getOrganization({ key: { case: "id", value: BigInt(id) }, consistency })))?.organization,
      ),
    ),
    project: once(async (id: string) =>
      plain(
        ProjectSchema,
        (await unlessMissing(organizations.getProject({ key: { case: "id", value: BigInt(id) }, consistency })))?.project,
      ),
    ),
    team: once(async (id: string) =>
      plain(TeamSchema, (await unlessMissing(organizations.getTeam({ key: { case: "id", value: BigInt(id) }, consistency })))?.team),
    ),
    members: once((organizationId: string) =>
      allPages(
        MemberSchema,
        (pageToken) => organizations.listMembers({ organizationId: BigInt(organizationId), pageToken, consistency }),
        ({ members }) => members,
      ),
    ),
    account: once(async (id: string) =>
      plain(AccountSchema, (await unlessMissing(profiles.getAccount({ key: { case: "id", value: BigInt(id) }, consistency })))?.account),
    ),
    contacts: once((id: string) =>
      allPages(
        AccountContactSchema,
        (pageToken) => profiles.listAccountContacts({ accountId: BigInt(id), pageToken, consistency }),
        ({ contacts }) => contacts,
      ),
    ),
    profile: once(async (userId: string, accountId: string) =>
      plain(
        UserProfileSchema,
        (
          await unlessMissing(
            profiles.getProfile({
              key: { case: "pair", value: { userId: BigInt(userId), accountId: BigInt(accountId) } },
              consistency,
            }),
          )
        )?.profile,
      ),
    ),
    /** A resource of a kind. */
    resource: once(async (name: string, id: string) => {
      const kind = kinds.find((one) => one.name === name);
      if (kind === undefined) throw new Error(`there is no kind ${name}`);
      const get = families[kind.service]?.[`get${kind.message.name}`] as unknown as (
        request: object,
      ) => Promise<Readonly<Record<string, Message>>>;
      const answer = await unlessMissing(get({ key: { case: "id", value: BigInt(id) }, consistency }));
      return plain(kind.message, answer?.[resourceField(kind)]);
    }),
    row: async (query: RawBuilder<unknown>): Promise<Answer | undefined> => {
      const [row] = await rowsOf(db, query as RawBuilder<Answer>);
      return row === undefined
        ? undefined
        : Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]));
    },
  };
};

/** What is asked. */
export type Answers = ReturnType<typeof createAnswers>;
