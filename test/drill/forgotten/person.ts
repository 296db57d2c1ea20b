import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Column } from "../../../src/contract/kinds/kind.ts";
import { AvatarType } from "../../../src/gen/userd/v1/user_pb.ts";
import { userColumnsOf } from "../../../src/lifecycle/tables.ts";
import { isOwned, isSemVer, makerOf } from "../../kinds/maker.ts";
import { createAccount, createOrganization, createProject, createTeam, unique, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import type { Marker } from "./marker.ts";

/** Makes the options of a call with a request_id, so that its answer is kept for retries. */
const once = () => ({ requestId: randomUUID() });

/** Returns a value of a column of a kind that has a word in it; undefined = the column can't have one. */
const markedValue = ({ type, field, isOutputOnly, isUuid, maxLength, reference }: Column, word: string): unknown => {
  if (isOutputOnly || isUuid || reference !== undefined) return undefined;
  if (type === "text") {
    const text = isSemVer(field) ? `1.0.0-${word}` : word;
    return text.length <= maxLength ? text : undefined;
  }
  if (type !== "jsonb") return undefined;
  if (field.fieldKind !== "list") return { [`${word}-member`]: word };
  return field.listKind === "scalar" ? [word] : [{ [`${word}-member`]: word }];
};

/** Gives a profile something of each kind that profiles own, with a word in each text. */
const furnishProfile = async (own: Clients, profileId: bigint, word: string): Promise<void> => {
  for (const kind of own.kinds.filter(isOwned)) {
    const marked = kind.columns.map((column) => [column.field.localName, markedValue(column, word)] as const);
    await (await makerOf(own, kind, profileId)).create(Object.fromEntries(marked.filter(([, text]) => text !== undefined)));
  }
};

/** Makes something of each kind of organizations that can name a user, with the user's id. */
const furnishOrganization = async (own: Clients, organizationId: bigint, userId: bigint): Promise<void> => {
  for (const kind of own.kinds.filter((one) => !isOwned(one))) {
    const names = kind.columns
      .filter(({ name }) => userColumnsOf(kind).includes(name))
      .map(({ field }) => [field.localName, userId] as const);
    if (names.length > 0) await (await makerOf(own, kind, organizationId)).create(Object.fromEntries(names));
  }
};

const createUser = async (own: Clients, word: string): Promise<bigint> => {
  const { user } = await own.users.createUser({
    user: { username: `${word}-name`, name: `${word} person`, email: `${word}@example.com`, externalId: `${word}-external` },
    ...once(),
  });
  if (user === undefined) throw new Error("CreateUser returned no user");
  const { id: userId } = user;
  await own.users.addUserEmail({ userId, email: `${word}-second@example.com`, ...once() });
  await own.users.addUserEmail({ userId, email: `${word}-gone@example.com`, ...once() });
  await own.users.removeUserEmail({ userId, email: `${word}-gone@example.com`, ...once() });
  const names = { id: userId, username: `${word}-renamed`, externalId: `${word}-other` };
  await own.users.updateUser({ user: names, updateMask: { paths: ["username", "external_id"] } });
  await own.users.setAvatar({ userId, type: AvatarType.UPLOAD, url: `https://example.com/${word}.png` });
  await own.users.createEmailVerification({ userId, email: `${word}-second@example.com` });
  return userId;
};

/** Gives a user what signs the user in, with a word in it, and a right and a role. */
const furnishSignIn = async (own: Clients, userId: bigint, organizationId: bigint, word: string): Promise<void> => {
  await own.users.setPassword({ userId, password: `${word} correct horse` });
  await own.users.createPasswordReset({ userId });
  await own.users.addAuthenticator({ userId, type: 2, config: value({ phone: word }) });
  const { provider } = await own.users.createIdentityProvider({ provider: { type: "any", externalId: String(userId) } });
  const identity = { userId, externalId: `${word}-identity`, data: value({ [`${word}-member`]: word }) };
  await own.users.linkIdentity({ ...identity, providerId: provider?.id ?? 0n, scopes: [`${word}-scope`] });
  const saml = await own.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
  await own.users.linkAuthIdentity({ ...identity, providerId: saml.provider?.id ?? 0n });
  await own.users.grantPermission({ userId, permission: "drill.forgotten" });
  const name = unique("role-");
  await own.users.createRole({ role: { name } });
  await own.users.assignRole({ userId, roleName: name });
};

/** Makes a user with the word of a marker, and a number, in everything that a person can have. */
export const createPerson = async (own: Clients, admin: pg.Client, { word: prefix, network }: Marker, index: number): Promise<bigint> => {
  const word = `${prefix}${index}`;
  const userId = await createUser(own, word);
  const { id: organizationId } = await createOrganization(own);
  const { id: projectId } = await createProject(own, organizationId);
  await own.organizations.addMember({ organizationId, userId, role: 1 });
  const { id: teamId } = await createTeam(own, organizationId);
  await own.organizations.addTeamMember({ teamId, member: { case: "userId", value: userId } });
  await furnishSignIn(own, userId, organizationId, word);
  for (const scope of [{}, { organizationId }, { projectId }]) {
    for (const version of ["first", "second"]) {
      const stored = value({ [`${word}-member`]: `${word} ${version}` });
      await own.options.setOption({ userId, key: "nickname", value: stored, ...scope, ...once() });
    }
  }
  await own.users.recordActivity({ userId, ip: `${network}c::${index + 1}` });
  // Only imports know them.
  await admin.query("update user_ip set country_code = left($2, 16), region_code = left($2, 16) where user_id = $1", [
    String(userId),
    prefix,
  ]);
  const account = await createAccount(own);
  const { profile } = await own.profiles.createProfile({
    profile: {
      ...{ userId, accountId: account.id, name: word, description: `${word} text`, tags: [word], version: `1.0.0-${word}` },
      ...{ profileImageUrl: `https://example.com/${word}.png`, annotations: [{ [`${word}-member`]: word }] },
    },
    ...once(),
  });
  const profileId = profile?.id ?? 0n;
  // Its name is a word of the service, which learns of its end from the change log.
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profileId, name: `page ${userId}` }] });
  await furnishProfile(own, profileId, word);
  await furnishOrganization(own, organizationId, userId);
  await own.users.setUserHold({ userId, reason: `${word} case` });
  return userId;
};

/** Ends the hold of a person, who can't be merged or purged before. */
export const releasePerson = (own: Clients, userId: bigint) => own.users.setUserHold({ userId, reason: "" });
