/** The error that keeps the service from starting; the message is one sentence for whoever starts it. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}
