// A first program on @userd/client: it creates a user or finds it, sets an option and reads it, and tells errors apart.
import { connectUserd, ErrorReason, reasonOf, toValue } from "@userd/client";

const EMAIL = "hello@example.com";

using userd = connectUserd({ address: process.env["USERD_ADDRESS"] ?? "127.0.0.1:50051" });

/** Returns the user, also when the program has run before. */
const createOrFind = async () => {
  try {
    return (await userd.users.createUser({ user: { email: EMAIL, name: "Ann Example" } })).user;
  } catch (error) {
    if (reasonOf(error) !== ErrorReason.USERNAME_TAKEN) throw error;
  }
  const { results } = await userd.users.lookupUsers({ keys: [{ key: { case: "email", value: EMAIL } }] });
  return results[0]?.user;
};

const user = await createOrFind();
if (user === undefined) throw new Error("There is neither a new user nor an old one.");
console.log(user.name);

await userd.options.setOption({ userId: user.id, key: "timezone", value: toValue("Europe/Vienna") });
// The read carries the token of the write, and sees it on whatever instance.
const { value } = await userd.options.getOption({ userId: user.id, key: "timezone" });
console.log(value?.kind.value);

try {
  await userd.options.getOption({ userId: 1n << 60n, key: "timezone" });
} catch (error) {
  console.log(reasonOf(error) === ErrorReason.USER_NOT_FOUND);
}
