import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mirrorAt, mirrorOfMachine } from "./mirror.ts";

const roots: string[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true });
});

/** A machine whose /etc/apt has these files. */
async function machine(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "mirror-"));
  roots.push(root);
  for (const [name, text] of Object.entries(files)) await Bun.write(join(root, "etc/apt", name), text);
  return root;
}

test("deb822 sources name the mirror, whatever suites they are for", async () => {
  const root = await machine({
    "sources.list.d/debian.sources": `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib

Types: deb
URIs: https://security.example/debian-security
Suites: bookworm-security
Components: main
`,
  });
  expect(await mirrorOfMachine(root)).toEqual({
    debian: "http://mirror.example/debian",
    "debian-security": "https://security.example/debian-security",
  });
});

test("one-line sources are read with and without options", async () => {
  const root = await machine({
    "sources.list": `# deb http://old.example/debian bookworm main
deb-src http://source.example/debian trixie main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian trixie main # x
deb http://mirror.example/debian-security trixie-security main contrib
`,
  });
  expect(await mirrorOfMachine(root)).toEqual({
    debian: "http://mirror.example/debian",
    "debian-security": "http://mirror.example/debian-security",
  });
});

test("third parties that use Debian's suite names are not taken for Debian", async () => {
  const root = await machine({
    "sources.list.d/a-vendor.list": "deb [signed-by=/etc/vendor.gpg] https://apt.vendor.example bookworm main\n",
    "sources.list.d/debian.list": "deb http://mirror.example/debian bookworm main\n",
    "sources.list.d/node.sources": "Types: deb\nURIs: https://node.example\nSuites: nodistro\nComponents: main\n",
  });
  expect((await mirrorOfMachine(root)).debian).toBe("http://mirror.example/debian");
});

test("without a security source its archive is looked for beside the main one", async () => {
  const root = await machine({ "sources.list": "deb http://mirror.example/debian trixie main\n" });
  expect((await mirrorOfMachine(root))["debian-security"]).toBe("http://mirror.example/debian-security");
});

test("sources that are off, or that are no http, do not count", async () => {
  const root = await machine({
    "sources.list": "deb cdrom:[Debian 12]/ bookworm main\n",
    "sources.list.d/debian.sources":
      "Types: deb\nEnabled: no\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n",
    "sources.list.d/x.sources.disabled":
      "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n",
  });
  await expect(mirrorOfMachine(root)).rejects.toThrow("cannot find a Debian mirror");
});

test("a mirror given by hand must be an http address", () => {
  expect(mirrorAt("http://mirror.example/debian/")).toEqual({
    debian: "http://mirror.example/debian",
    "debian-security": "http://mirror.example/debian-security",
  });
  expect(() => mirrorAt("mirror.example/debian")).toThrow('cannot use mirror "mirror.example/debian"');
  expect(() => mirrorAt("file:///srv/debian")).toThrow("expected an http or https address");
});
