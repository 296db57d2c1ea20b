import { fromJson, isFieldSet, type JsonValue, type Message } from "@bufbuild/protobuf";
import { isFieldError, pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { DomainError } from "../../errors.ts";
import { type ImportUsersRequest, ImportUsersRequestSchema } from "../../gen/userd/v1/user_batch_pb.ts";
import { type User, UserSchema } from "../../gen/userd/v1/user_pb.ts";
import { canonicalName } from "../../names/canonical.ts";
import { importedUserOf } from "../../users/imported-user.ts";
import type { NewUser } from "../../users/new-user.ts";
import { FieldFault, Unfit } from "../fault.ts";
import type { Note } from "../fields.ts";
import { OWN_MODEL } from "../formats/own-line.ts";
import { plain } from "../formats/record-reader.ts";
import type { Reader } from "../reader.ts";
import { emails } from "./sentry-useremail.ts";
import { identity, named, users } from "./user-staging.ts";

const validator = createValidator();

/** JSON of protobuf has large integers as text. */
const jsonOf = (value: unknown): JsonValue => {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, jsonOf(member)]));
};

/** Values never stand in messages: only what the value is for. */
const whatIsWrong = (error: Error): string => {
  if (isFieldError(error.cause))
    return `holds a wrong value at ${error.cause
      .field()
      .toString()
      .replace(/^field userd\.v1\./, "")}`;
  const [, unknown] = /: key "(.*)" is unknown$/.exec(error.message) ?? [];
  return unknown === undefined ? "is not a message of ImportUsers" : `has the unknown field ${plain(unknown)}`;
};

/** Throws FieldFault when the fields are not of the shape of the message, Unfit when they break one of its rules. */
const messageOf = (fields: object): ImportUsersRequest => {
  let message: ImportUsersRequest;
  try {
    message = fromJson(ImportUsersRequestSchema, jsonOf(fields));
  } catch (error) {
    throw new FieldFault(whatIsWrong(error as Error), { cause: error });
  }
  const { violations } = validator.validate(ImportUsersRequestSchema, message);
  const [violation] = violations ?? [];
  if (violation !== undefined) throw new Unfit(`${pathToString(violation.field)} ${violation.message}`);
  return message;
};

const userOf = (message: ImportUsersRequest): NewUser => {
  try {
    return importedUserOf(message);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const [violation] = error.violations;
    throw new Unfit(violation === undefined ? error.message : `${violation.field} ${violation.description}`, { cause: error });
  }
};

/** The columns of a user. A field that the message does not set is absent, and stays as it is here. */
const columnsOf = (user: User, passwordHash: string, { columns, lastLogin, lastActive }: NewUser, note: Note) => {
  const said = <T>(local: keyof Omit<User, keyof Message>, value: T): T | undefined => {
    const field = UserSchema.fields.find(({ localName }) => localName === local);
    return field !== undefined && isFieldSet(user, field) ? value : undefined;
  };
  return {
    ...identity(columns.username, said("email", columns.email), note),
    ...named(said("name", columns.name)),
    password: passwordHash === "" ? undefined : columns.password,
    is_active: said("isActive", columns.is_active),
    is_staff: said("isStaff", columns.is_staff),
    is_superuser: said("isSuperuser", columns.is_superuser),
    is_managed: said("isManaged", columns.is_managed),
    is_unclaimed: said("isUnclaimed", columns.is_unclaimed),
    is_suspended: said("isSuspended", columns.is_suspended),
    is_app: said("isApp", columns.is_app),
    is_password_expired: said("isPasswordExpired", columns.is_password_expired),
    last_password_change: said("lastPasswordChange", columns.last_password_change),
    flags: said("newsletterConsentPrompt", columns.flags),
    avatar_type: said("avatar", columns.avatar_type),
    avatar_url: said("avatar", columns.avatar_url),
    external_id: said("externalId", columns.external_id),
    date_joined: said("dateJoined", columns.date_joined),
    last_login: lastLogin,
    last_active: lastActive,
  };
};

/** The import reader of userd's own file format: one `ImportUsersRequest` per line, read and checked as by the RPC ImportUsers. */
export const userdUser: Reader = {
  model: OWN_MODEL,
  becomes: "a user with its addresses, as ImportUsers stores it",
  into: users,
  tables: [users, emails],
  fields: new Set(["user", "passwordHash", "password_hash"]),
  notHeld: {},
  isKnownByName: true,
  rows: (pk, fields, _, note) => {
    const message = messageOf(fields);
    const user = userOf(message);
    const { user: { emails: addresses } = { emails: [] } } = message;
    const givenDate = new Map(addresses.map(({ email, dateAdded }) => [canonicalName(email), dateAdded !== undefined] as const));
    return {
      columns: columnsOf(message.user as User, message.passwordHash, user, note),
      links: user.emails.map(({ email, canonical, isVerified, dateAdded }) => ({
        model: `${OWN_MODEL}.emails`,
        into: emails,
        columns: () => ({
          user_pk: pk,
          email,
          email_canonical: canonical,
          is_verified: isVerified || undefined,
          date_added: givenDate.get(canonical) === true ? dateAdded : undefined,
        }),
      })),
    };
  },
};
