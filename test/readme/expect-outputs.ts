import { expect } from "vitest";
import { sectionOf, shown } from "./blocks.ts";
import { blocksOf, type Section } from "./sections.ts";

/** Holds what the blocks of a section printed against what their document shows. */
export const expectOutputs = ({ document, name }: Section, outputs: readonly string[]): void => {
  const expected = sectionOf(blocksOf(document), name).outputs;
  expect(outputs).toHaveLength(expected.length);
  for (const [index, { language, text }] of expected.entries()) {
    const output = outputs[index] ?? "";
    if (language === "json") expect(shown(JSON.parse(output), JSON.parse(text))).toEqual(JSON.parse(text));
    else expect(output.trim()).toBe(text.trim());
  }
};
