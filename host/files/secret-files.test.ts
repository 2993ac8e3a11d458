import { expect, test } from "bun:test";
import { markedSettings } from "../../test/worlds/host/marked-settings.ts";
import { everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { configuration } from "./all.ts";

const marker = "marker4711";
/** What those that are secret need, so that they are written down at all. */
const switches = {
  api: { remote: { enabled: true } },
  "host-containers": { marked: { enabled: true } },
  kubernetes: {
    "static-pods": { marked: { enabled: true } },
    "credential-providers": { marked: { enabled: true, "image-patterns": ["example.com"] } },
  },
};

test("a file in which a secret of the settings lies is readable for root alone, in every variant", () => {
  const readable: string[] = [];
  const secretFiles = new Set<string>();
  for (const variant of everyVariant) {
    const model = modelNamed(variant.name);
    const { tree, markers } = markedSettings(model, marker, ({ secrecy }) => secrecy !== "open");
    const parts = [tree, ...Object.entries(switches).map(([group, value]) => ({ [group]: value }))];
    const leaves = parts.filter((part) => model.parse(part).ok).flatMap((part) => [...model.leaves(part)]);
    const settings = model.complete(model.tree(new Map(leaves)));
    for (const group of configuration) {
      for (const file of group.render(settings, factsOf(variant.name))) {
        if (!("content" in file) || !markers.some((text) => file.content.includes(text))) continue;
        secretFiles.add(file.path);
        if ((file.mode & 0o077) !== 0) readable.push(`${variant.name}: ${file.path} ${file.mode.toString(8)}`);
      }
    }
  }
  expect(readable).toEqual([]);
  expect([...secretFiles]).toContain("/etc/network/proxy.env");
  expect(secretFiles.size).toBeGreaterThan(4);
});
