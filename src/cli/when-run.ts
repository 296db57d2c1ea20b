/** The action of a command, loaded when it runs: neither --help nor any other command needs what it needs. */
export const whenRun =
  <A extends unknown[]>(load: () => Promise<{ readonly run: (...args: A) => Promise<void> }>) =>
  async (...args: A): Promise<void> =>
    (await load()).run(...args);
