import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { invalidField } from "../errors.ts";
import type { ImportUsersRequest } from "../gen/userd/v1/user_batch_pb.ts";
import { SetAvatarRequestSchema } from "../gen/userd/v1/user_lifecycle_pb.ts";
import { AvatarType, type User as UserMessage } from "../gen/userd/v1/user_pb.ts";
import { momentOf } from "../moment.ts";
import { canonicalName } from "../names/canonical.ts";
import { checkOf, UNUSABLE, unverifiableKind } from "../passwords/stored-hash.ts";
import { type NewEmail, type NewUser, newUserOf } from "./new-user.ts";
import { storedAvatarType } from "./user.mapping.ts";

const validator = createValidator();

/** Tells whether SetAvatar takes a text as the URL of a picture: an absolute one of http or https, by the rule of the proto. */
export const isPictureUrl = (url: string): boolean =>
  /^https?:\/\//i.test(url) &&
  validator.validate(SetAvatarRequestSchema, create(SetAvatarRequestSchema, { userId: 1n, url })).kind === "valid";

const MAX_EMAILS = 100;
/** The largest id: half of what there is, so that the ids of new users never run out. */
const MAX_ID = 2n ** 62n;

const moment = (timestamp: Timestamp | undefined): Date | undefined => timestamp && momentOf(timestamp);

/** The addresses, each once; the primary one is among them. What OUTPUT_ONLY fields hold has no rule in the proto. */
const emailsOf = ({ emails, email = "" }: UserMessage, byDefault: NewUser): readonly NewEmail[] => {
  if (emails.length > MAX_EMAILS) throw invalidField("user.emails", `must hold at most ${MAX_EMAILS} addresses`);
  const byCanonical = new Map(byDefault.emails.map((primary) => [primary.canonical, primary]));
  for (const [index, { email: address, isVerified, dateAdded }] of emails.entries()) {
    const field = `emails[${index}]`;
    const isAddress = /^[^@\s\0]+@[^@\s\0]+$/.test(address) && [...address].length <= 200;
    if (!isAddress) throw invalidField(`user.${field}.email`, "must be an address of at most 200 characters");
    const joined = byDefault.columns.date_joined;
    byCanonical.set(canonicalName(address), {
      email: address,
      canonical: canonicalName(address),
      isVerified,
      dateAdded: moment(dateAdded) ?? joined,
    });
  }
  if (email === "" && emails.some(({ isPrimary }) => isPrimary)) {
    throw invalidField("user.email", "must be the address that is marked as the primary one");
  }
  return [...byCanonical.values()];
};

const avatarOf = ({ avatar }: UserMessage): Pick<NewUser["columns"], "avatar_type" | "avatar_url"> => {
  const { type = AvatarType.LETTER, url = "" } = avatar ?? {};
  if (type === AvatarType.UPLOAD ? !isPictureUrl(url) : url !== "") {
    throw invalidField("user.avatar.url", "must be a URL of http or https of at most 2,048 characters, and of an uploaded picture only");
  }
  return { avatar_type: storedAvatarType(type), avatar_url: url === "" ? null : url };
};

/** A hash that no code here can verify would count as a password that nobody can sign in with. */
const passwordOf = ({ passwordHash: hash }: ImportUsersRequest): string => {
  if (hash === "" || hash.startsWith(UNUSABLE) || checkOf(hash) !== undefined) return hash;
  throw invalidField("password_hash", `can't be verified: it is ${unverifiableKind(hash)}; send none, or "!" for no password`);
};

/** Converts a request of ImportUsers to a new user, with id, password hash and verified addresses. Throws INVALID_ARGUMENT FIELD_INVALID. */
export const importedUserOf = (request: ImportUsersRequest): NewUser => {
  const { user } = request;
  if (user === undefined) throw invalidField("user", "is required");
  if (user.id > MAX_ID) throw invalidField("user.id", "must be at most 2^62");
  const byDefault = newUserOf(user);
  const columns: NewUser["columns"] = {
    ...byDefault.columns,
    ...avatarOf(user),
    is_suspended: user.isSuspended,
    password: passwordOf(request),
    last_password_change: moment(user.lastPasswordChange) ?? null,
    date_joined: moment(user.dateJoined) ?? byDefault.columns.date_joined,
  };
  return {
    ...(user.id !== 0n && { id: user.id }),
    canonical: byDefault.canonical,
    columns,
    emails: emailsOf(user, { ...byDefault, columns }),
    lastLogin: moment(user.lastLogin),
    lastActive: moment(user.lastActive),
  };
};
