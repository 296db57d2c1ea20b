/** Makes the action of a command, and loads the command's module only when the action runs: `--help` and other commands start faster. */
export const whenRun =
  <A extends unknown[]>(load: () => Promise<{ readonly run: (...args: A) => Promise<void> }>) =>
  async (...args: A): Promise<void> =>
    (await load()).run(...args);
