import type { Finding } from "./attack.ts";
import { type Outcome, type Phase, passes } from "./run.ts";

/** The most logged errors that are printed of an attack. */
const MAX_ERRORS = 5;

const rounded = (value: number): number => Math.round(value * 10) / 10;

const describePhase = (name: string, { memoryMb, handles, polite }: Phase): string =>
  `  ${name.padEnd(7)} ${Math.round(memoryMb)} MB, ${handles} handles; polite: p50 ${rounded(polite.p50)} ms, p99 ${rounded(polite.p99)} ms, ` +
  `new connections p99 ${rounded(polite.newcomerP99)} ms, ${polite.errors.length} errors in ${polite.calls} calls`;

const describeFinding = (finding: Finding): string =>
  `  ${passes(finding) ? "pass" : "FAIL"}    ${finding.name} ${rounded(finding.value)} (${finding.atLeast ? "at least" : "at most"} ${rounded(finding.bound)})`;

/** What an attack did, for people. */
export const describe = ({ attack, before, during, after, seconds, findings, errors }: Outcome): string =>
  [
    `${attack.name}: ${attack.about} (${rounded(seconds)} s)`,
    describePhase("before", before),
    describePhase("during", during),
    ...[...new Set(during.polite.errors)].slice(0, 3).map((error) => `          ${error}`),
    describePhase("after", after),
    ...findings.map(describeFinding),
    // Hundreds of calls can fail by one cause.
    ...errors.slice(0, MAX_ERRORS).map((line) => `  LOGGED  ${line}`),
    ...(errors.length > MAX_ERRORS ? [`  LOGGED  ${errors.length - MAX_ERRORS} errors more`] : []),
  ].join("\n");

/** What an attack did, for the scorecard: a line of JSON for each figure. */
export const jsonLines = ({ attack, seconds, findings }: Outcome): readonly string[] =>
  findings.map(({ name, value, bound }) =>
    JSON.stringify({ name: `hostile/${attack.name}/${name}`, value: rounded(value), bound: rounded(bound), seconds: rounded(seconds) }),
  );
