/** What every answer to a browser carries: no byte from elsewhere, nothing kept, nothing shown inside other pages. */

/** @param nonce of the style sheets that scripts make; scripts have none, and come from here alone */
export function securityHeaders(nonce: string, { mayPostForms = false } = {}): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    `form-action ${mayPostForms ? "'self'" : "'none'"}`,
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    // Without any referrer, a form's request says that it comes from nowhere (Fetch Standard, "append a request Origin header").
    "referrer-policy": mayPostForms ? "same-origin" : "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
}
