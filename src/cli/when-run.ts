/** Makes the action of a command, which loads the command's module only when the command runs: `--help` and other commands start faster. */
export const whenRun =
  <A extends unknown[]>(load: () => Promise<{ readonly run: (...args: A) => Promise<void> }>) =>
  async (...args: A): Promise<void> =>
    (await load()).run(...args);
