/**
 * Returns the path and query of a request's target. Proxies write scheme and host before them, and so do clients that take this
 * server for a proxy (RFC 9112, 3.2.2). A target that is no URL is returned as it is, and no path equals it.
 */
export const originForm = (target: string): string => {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#\\]+(.*)$/i.exec(target)?.[1];
  return rest !== undefined && URL.canParse(target) ? rest || "/" : target;
};
