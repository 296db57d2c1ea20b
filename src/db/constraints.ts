import { alreadyExists, type DomainError, notFound } from "../errors.ts";

/** The domain error that each named constraint stands for. A violated constraint that is not here is a fault. */
export const constraintErrors: Readonly<Record<string, () => DomainError>> = {
  users_username_key: () => alreadyExists("USERNAME_TAKEN", "The username is taken."),
  user_email_user_key: () => alreadyExists("EMAIL_TAKEN", "The user has this address already."),
  user_email_verified_key: () => alreadyExists("EMAIL_TAKEN", "The address is verified for another user."),
  user_option_user_id_foreign: () => notFound("USER_NOT_FOUND", "There is no such user."),
};
