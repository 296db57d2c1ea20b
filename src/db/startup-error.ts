/** The error that the service can't start; the message is one sentence for whoever starts it. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}
