import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { GetOrCreateUserByEmailRequest } from "../gen/userd/v1/user_batch_pb.ts";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import { invitingAggregates } from "../organizations/invitations.ts";
import { writtenUser } from "../users/change-user.ts";
import type { UserDependencies } from "../users/dependencies.ts";
import { newUserOf } from "../users/new-user.ts";
import { storeUser } from "../users/store-users.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { type Claimant, claimantsOf, unreachableUsers } from "./claimants.ts";
import { meantByClaim, meantByVouch, ownerAmong, presentPrimaries } from "./claimed-address.ts";
import { bearerOf, handOver, localUsername, renameRival } from "./vouched-address.ts";

const method = UserService.method.getOrCreateUserByEmail;

/** The claimant who is meant, if any, and the rival, who has to give up its username. `isClaimed` = the address has any claimant. */
type Plan = { readonly user: Claimant | undefined; readonly rival: bigint | undefined; readonly isClaimed: boolean };

/** The most characters of a username that is made of an address. */
const USERNAME_LENGTH = 128;

/** Returns the username for an address: the address itself, or its first part with a unique ending if it is taken or too long. */
const usernameFor = (email: string, isTaken: boolean): string => {
  if (!isTaken && [...email].length <= USERNAME_LENGTH) return email;
  return `${email.split("@")[0]?.slice(0, 64)}-${randomBytes(8).toString("hex")}`;
};

const planFor = async (session: Session, request: GetOrCreateUserByEmailRequest): Promise<Plan> => {
  const { email, identity, emailVerified } = request;
  const claimants = await claimantsOf(session, email, identity);
  const isClaimed = claimants.length > 0;
  const owner = ownerAmong(claimants);
  if (!emailVerified) return { user: owner ?? meantByClaim(claimants), rival: undefined, isClaimed };
  const primaries = owner === undefined ? presentPrimaries(claimants).map(({ id }) => id) : [];
  const user = owner ?? meantByVouch(claimants, await unreachableUsers(session, primaries, identity));
  const bearer = await bearerOf(session, email);
  return { user, rival: bearer === user?.id ? undefined : bearer, isClaimed };
};

/** The users that the write changes, besides one that it may create. */
const changedBy = ({ user, rival }: Plan): readonly bigint[] => [
  ...(user === undefined || user.isVerified ? [] : [user.id]),
  ...(rival === undefined ? [] : [rival]),
];

/** Looks up the locks of a call. An address that nobody vouches for changes no user. */
const locksFor =
  (request: GetOrCreateUserByEmailRequest): LookUpLocks =>
  async (session) => {
    if (!request.emailVerified) return [];
    const users = changedBy(await planFor(session, request)).map(userAggregate);
    return [...users, ...(await invitingAggregates(session, [canonicalName(request.email)]))];
  };

/** Creates a user with the address. If the caller vouches for it, it is verified and is the username too, whoever claims it. */
const createUser = async (tx: Tx, { email, name, emailVerified }: GetOrCreateUserByEmailRequest, isClaimed: boolean): Promise<bigint> => {
  const username = usernameFor(email, isClaimed && !emailVerified);
  const user = newUserOf(create(UserSchema, { email, name, username }));
  const emails = user.emails.map((address) => ({ ...address, isVerified: emailVerified }));
  return storeUser(tx, { ...user, emails, isVouchedFor: emailVerified });
};

/**
 * GetOrCreateUserByEmail: finds the user with an address, or creates the user. The address is locked, so that concurrent calls create one
 * user.
 */
export const getOrCreateUserByEmail =
  ({ write, systemUser }: UserDependencies): Operation<typeof method> =>
  (call, request) => {
    const { email, emailVerified } = request;
    assertAddress(email, "email");
    return write(call, { method, request, aggregates: locksFor(request) }, async (tx) => {
      const username = localUsername();
      await lockCanonicalNames(tx, [email, ...(emailVerified ? [username] : [])]);
      const plan = await planFor(tx, request);
      const { user, rival } = plan;
      if (emailVerified) tx.requireLocked(changedBy(plan).map(userAggregate), "The address was claimed");
      if (rival !== undefined) {
        systemUser.refuse(email);
        await renameRival(tx, rival, username);
      }
      if (user === undefined) {
        return { user: await writtenUser(tx, await createUser(tx, request, plan.isClaimed)), created: true };
      }
      if (emailVerified && !user.isVerified) await handOver(tx, user.id, email);
      tx.touch(userAggregate(user.id));
      return { user: await writtenUser(tx, user.id), created: false, matchedUnverified: !emailVerified && !user.isVerified };
    });
  };
