/** Documents that are meant for another program, or wrapped once more, and are handed to us by mistake. */

const foreign: readonly (readonly [format: string, start: RegExp])[] = [
  ["a MIME archive, which cloud-init reads", /^(?:MIME-Version|Content-Type):/i],
  ["cloud-init's #cloud-config", /^#cloud-config\b/],
  ["a script", /^(?:#!|<(?:powershell|script)>)/i],
  ["base64", /^[A-Za-z0-9+/\r\n]{16,}={0,2}\s*$/],
  ["YAML", /^(?:---(?:\s|$)|[A-Za-z_][\w-]*:(?:\s|$))/],
];

/** What a text looks like that cannot be read; undefined for one that is only mistaken. */
export function looksLike(text: string): string | undefined {
  return foreign.find(([, start]) => start.test(text.trimStart()))?.[0];
}
