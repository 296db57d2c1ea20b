/**
 * Returns the path and query of a request target, even if the target is a whole URL, as clients of proxies send it (RFC 9112, 3.2.2). A target
 * that is neither a path nor a URL is returned unchanged.
 */
export const originForm = (target: string): string => {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#\\]+(.*)$/i.exec(target)?.[1];
  return rest !== undefined && URL.canParse(target) ? rest || "/" : target;
};
