/** Makes the action of a command. It loads the command's module when the command runs: --help and other commands don't need it. */
export const whenRun =
  <A extends unknown[]>(load: () => Promise<{ readonly run: (...args: A) => Promise<void> }>) =>
  async (...args: A): Promise<void> =>
    (await load()).run(...args);
