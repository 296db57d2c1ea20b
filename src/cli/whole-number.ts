import { InvalidArgumentError } from "commander";

/** Makes the parser of an option that is a whole number from `min` to `max`: it takes decimal digits only, unlike `Number`. */
export const wholeNumber =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It has to be a whole number ${range}.`);
  };
