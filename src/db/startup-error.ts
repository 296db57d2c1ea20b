/** The error that keeps the service or a command from starting; the message is one sentence for the operator. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}
