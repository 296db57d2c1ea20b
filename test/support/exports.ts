import { Readable } from "node:stream";

/** A record of an export file. */
export type ExportRecord = { readonly model: string; readonly pk: number; readonly fields: Record<string, unknown> };

/** Fields that a test says otherwise. */
type Fields = Readonly<Record<string, unknown>>;

/** A valid `sentry.user`, unless told otherwise. */
export const exportUser = (pk: number, fields: Fields = {}): ExportRecord => ({
  model: "sentry.user",
  pk,
  fields: {
    password: "pbkdf2_sha256$150000$iEvdIknqYjTr$+QsGn0tfIJ1FZLxQI37mVU1gL2KbL/wqjMtG/dFhsMA=",
    last_login: null,
    username: `user-${pk}`,
    name: "",
    email: `user-${pk}@example.com`,
    is_staff: false,
    is_active: true,
    is_superuser: false,
    is_managed: false,
    is_sentry_app: null,
    is_password_expired: false,
    is_unclaimed: false,
    last_password_change: "2023-06-22T22:59:57.023Z",
    flags: "0",
    session_nonce: null,
    date_joined: "2023-06-22T22:59:55.488Z",
    last_active: "2023-06-22T22:59:55.489Z",
    avatar_type: 0,
    avatar_url: null,
    ...fields,
  },
});

/** A valid `sentry.useremail` of the user with the same pk, unless told otherwise. */
export const exportEmail = (pk: number, fields: Fields = {}): ExportRecord => ({
  model: "sentry.useremail",
  pk,
  fields: {
    user: pk,
    email: `user-${pk}@example.com`,
    validation_hash: "mCnWesSVvYQcq7qXQ36AZHwosAd6cghE",
    date_hash_added: "2023-06-22T22:59:55.521Z",
    is_verified: false,
    ...fields,
  },
});

/** A valid global `sentry.useroption` of user 1, unless told otherwise. */
export const exportOption = (pk: number, fields: Fields = {}): ExportRecord => ({
  model: "sentry.useroption",
  pk,
  fields: { user: 1, project_id: null, organization_id: null, key: "timezone", value: '"Europe/Vienna"', ...fields },
});

/** The file that holds the records, or any other text. */
export const exportFile = (content: readonly unknown[] | string): Readable =>
  Readable.from([Buffer.from(typeof content === "string" ? content : JSON.stringify(content))]);
