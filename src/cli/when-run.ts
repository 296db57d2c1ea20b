/** The action of a command, whose module is loaded when the command runs: --help and other commands don't need it. */
export const whenRun =
  <A extends unknown[]>(load: () => Promise<{ readonly run: (...args: A) => Promise<void> }>) =>
  async (...args: A): Promise<void> =>
    (await load()).run(...args);
