/** A length-delimited field, for messages that no encoder makes. */
export const delimited = (field: number, bytes: Uint8Array): Buffer => {
  const header = [(field << 3) | 2];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) header.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...header, rest]), bytes]);
};

/** A SetOptionRequest whose value is a list in a list in a list, `depth` deep. */
export const nestedRequest = (depth: number): Buffer => {
  let value: Buffer = Buffer.from([8, 0]);
  for (let level = 0; level < depth; level++) value = delimited(6, delimited(1, value));
  return Buffer.concat([Buffer.from([8, 7]), delimited(2, Buffer.from("a")), delimited(3, value)]);
};
