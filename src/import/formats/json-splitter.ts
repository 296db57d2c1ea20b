import { MAX_DEPTH } from "./record-reader.ts";

/**
 * A function that gets the text of a record and returns text to put in place of the record. For a record that is too long or nested too
 * deeply, the function gets undefined: the record stays, and the returned text is put before the record.
 */
export type OnRecord = (text: string | undefined) => string;

/** A converter of JSON text that comes piece by piece: it replaces each record with what an `OnRecord` returns, and keeps all other text. */
export type Splitter = {
  readonly take: (text: string, onRecord: OnRecord) => string;
  /** Returns the text that is still held back when the file ends: the beginning of a record. */
  readonly rest: () => string;
};

/** Longer records are not held back: they go on piece by piece, and the file may be broken. */
const MAX_HELD = 1024 * 1024;

const [QUOTE, BRACKET, BRACKET_END, BRACE, BRACE_END] = Array.from('"[]{}', (character) => character.charCodeAt(0));

const placeOf = (character: string, text: string, from: number): number => {
  const place = text.indexOf(character, from);
  return place === -1 ? text.length : place;
};

/**
 * Makes a splitter that finds records by braces, brackets and quotes only, and does not check that the text is JSON. JSON.parse can then
 * parse each whole record, several times as fast as a streaming parser does.
 * @param between the number of braces and brackets that are open between two records: 1 in an array, else 0.
 */
export const createSplitter = (between: number): Splitter => {
  let depth = 0;
  let deepest = 0;
  let isString = false;
  let isEscaped = false;
  let isRecord = false;
  let isPassed = false;
  let held = "";

  return {
    take: (text, onRecord) => {
      let given = "";
      let from = 0;
      /** The next backslash; most texts have few. */
      let backslash = -1;
      for (let at = 0; at < text.length; at += 1) {
        if (isEscaped) {
          isEscaped = false;
          continue;
        }
        if (isString) {
          // Most characters stand in strings: the platform finds their ends faster than a loop does.
          const quote = placeOf('"', text, at);
          if (backslash < at) backslash = placeOf("\\", text, at);
          isEscaped = backslash < quote;
          isString = isEscaped || quote === text.length;
          at = isEscaped ? backslash : quote;
          continue;
        }
        const character = text.charCodeAt(at);
        if (character === QUOTE) isString = true;
        else if (character === BRACE || character === BRACKET) {
          if (character === BRACE && depth === between) {
            given += text.slice(from, at);
            from = at;
            [isRecord, deepest] = [true, 0];
          }
          depth += 1;
          if (depth > deepest) deepest = depth;
        } else if (character === BRACE_END || character === BRACKET_END) {
          depth -= 1;
          if (!isRecord || depth !== between) continue;
          const whole = held + text.slice(from, at + 1);
          given += isPassed || deepest > MAX_DEPTH ? onRecord(undefined) + whole : onRecord(whole);
          from = at + 1;
          [isRecord, isPassed, held] = [false, false, ""];
        }
      }
      if (!isRecord) return given + text.slice(from);
      held += text.slice(from);
      isPassed ||= held.length > MAX_HELD;
      if (!isPassed) return given;
      given += held;
      held = "";
      return given;
    },
    rest: () => held,
  };
};
