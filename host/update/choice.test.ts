import { expect, test } from "bun:test";
import fc from "fast-check";
import { addUpdate, emptyManifest, setMaxVersion, type Manifest } from "../../repo/manifest.ts";
import { compareVersions } from "../../repo/version.ts";
import { chosen, describeHold, versionsFor, type HostView } from "./choice.ts";

const machines = { variant: "dev", arch: "x86_64" };
const now = new Date("2026-01-10T00:00:00Z");
const host = (overrides: Partial<HostView> = {}): HostView => ({
  ...machines,
  running: "1.1.0",
  seed: 1000,
  versionLock: "latest",
  ignoreWaves: false,
  failed: [],
  now,
  ...overrides,
});
const images = { boot: "b", root: "r", hash: "h" };
const manifest = (versions: readonly string[], max?: string): Manifest => {
  const all = versions.reduce(
    (each, version) => addUpdate(each, machines, { version, images, waves: [] }),
    emptyManifest,
  );
  return max === undefined ? all : setMaxVersion(all, machines, max);
};
const chosenFrom = (each: Manifest, view: HostView): string | undefined => chosen(versionsFor(each, view));

test("the newest version above the running one is taken", () => {
  expect(chosenFrom(manifest(["1.0.0", "1.2.0", "1.10.0", "1.9.0"]), host())).toBe("1.10.0");
});

test("nothing is taken when the newest one runs", () => {
  expect(chosenFrom(manifest(["1.0.0", "1.1.0"]), host())).toBeUndefined();
});

test("an update for another variant or architecture is not seen", () => {
  expect(versionsFor(manifest(["2.0.0"]), host({ variant: "metal-dev" }))).toEqual([]);
  expect(versionsFor(manifest(["2.0.0"]), host({ arch: "aarch64" }))).toEqual([]);
});

test("a host above the maximum steps down to the newest allowed version", () => {
  expect(chosenFrom(manifest(["1.0.0", "1.1.0", "1.2.0"], "1.1.0"), host({ running: "1.2.0" }))).toBe("1.1.0");
});

test("a lock takes exactly its version, older ones too, and nothing once it runs", () => {
  const all = manifest(["1.0.0", "1.1.0", "1.2.0"]);
  expect(chosenFrom(all, host({ versionLock: "1.0.0" }))).toBe("1.0.0");
  expect(chosenFrom(all, host({ versionLock: "1.1.0" }))).toBeUndefined();
  expect(chosenFrom(all, host({ versionLock: "9.9.9" }))).toBeUndefined();
});

test("a closed wave holds the update until its moment, unless waves are ignored", () => {
  const waves = [
    { firstSeed: 0, start: new Date("2026-01-09T00:00:00Z") },
    { firstSeed: 500, start: new Date("2026-01-11T00:00:00Z") },
    { firstSeed: 1500, start: new Date("2026-01-12T00:00:00Z") },
  ];
  const waiting = addUpdate(emptyManifest, machines, { version: "1.2.0", images, waves });
  expect(versionsFor(waiting, host())).toEqual([
    { version: "1.2.0", holds: [{ kind: "wave", opensAt: new Date("2026-01-11T12:00:00Z") }] },
  ]);
  expect(chosenFrom(waiting, host({ ignoreWaves: true }))).toBe("1.2.0");
  expect(chosenFrom(waiting, host({ now: new Date("2026-01-11T12:00:00Z") }))).toBe("1.2.0");
});

test("a version that failed here is passed over, for an older or a newer one", () => {
  const failed = [{ version: "1.3.0", at: now, reason: "containerd.service did not start" }];
  expect(chosenFrom(manifest(["1.2.0", "1.3.0"]), host({ failed }))).toBe("1.2.0");
  expect(chosenFrom(manifest(["1.3.0"]), host({ failed }))).toBeUndefined();
  expect(chosenFrom(manifest(["1.3.0", "1.4.0"]), host({ failed }))).toBe("1.4.0");
});

test("whatever the manifest, what is chosen is allowed and never what runs", () => {
  const version = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => parts.join("."));
  fc.assert(
    fc.property(
      fc.uniqueArray(version, { minLength: 1, maxLength: 8 }),
      version,
      fc.nat(7),
      (versions, running, pick) => {
        const maximum = versions[pick % versions.length] ?? running;
        const each = manifest(versions, maximum);
        const result = chosenFrom(each, host({ running }));
        if (result === undefined) return true;
        return result !== running && compareVersions(result, maximum) <= 0 && versions.includes(result);
      },
    ),
  );
});

test("each hold reads as a sentence", () => {
  const failed = [{ version: "1.3.0", at: now, reason: "kubelet.service failed" }];
  const words = versionsFor(manifest(["1.3.0"], "1.3.0"), host({ failed, versionLock: "1.1.0" })).flatMap(({ holds }) =>
    holds.map(describeHold),
  );
  expect(words).toEqual([
    "it was tried at 2026-01-10T00:00:00.000Z and went back: kubelet.service failed",
    "settings.updates.version-lock pins 1.1.0",
  ]);
});
