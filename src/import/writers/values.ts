/** Returns a time as Django writes it. */
export const isoTime = (value: unknown): string | null => (value instanceof Date ? value.toISOString() : null);

/** Returns a key. Sentry's keys are numbers, and below 2^53. */
export const numberOf = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));

/** Returns a bit field, which Django writes as text. */
export const bits = (value: unknown): string => String(value);

/** Returns a list of texts as Python prints it: so Sentry writes fields of lists. */
export const pythonList = (texts: readonly string[]): string =>
  `[${texts
    .map((text) => JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"'))
    .map((text) => (text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`))
    .join(", ")}]`;

/** Returns the value of an option: numbers, booleans and null are themselves, all else is JSON in a text. */
export const optionText = (json: unknown): unknown => {
  const value: unknown = JSON.parse(String(json));
  return typeof value === "string" || (typeof value === "object" && value !== null) ? JSON.stringify(value) : value;
};

/** Returns a value that is JSON in the file, too. */
export const plainJson = (json: unknown): unknown => (json === null || json === undefined ? null : (JSON.parse(String(json)) as unknown));
