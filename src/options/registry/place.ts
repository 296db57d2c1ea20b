import { isMap, isScalar, isSeq, type ParsedNode, type YAMLMap } from "yaml";

/** Finds the pair of a YAML map whose key is `name`. Keys are compared as text: `1` and `"1"` are the same name. */
export const pairOf = (map: YAMLMap.Parsed, name: string) => map.items.find(({ key }) => isScalar(key) && String(key.value) === name);

/**
 * Returns the offset in a YAML file at which an error about a path of keys and indexes is reported: that of the path's last part that exists.
 */
export const placeOf = (root: ParsedNode, path: readonly PropertyKey[]): number => {
  let node: ParsedNode | null | undefined = root;
  let place = root.range[0];
  for (const part of path) {
    if (isMap(node)) {
      const pair = pairOf(node as YAMLMap.Parsed, String(part));
      if (pair === undefined) break;
      place = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)] as ParsedNode | undefined;
      if (!node) break;
      place = node.range[0];
    } else break;
  }
  return place;
};
