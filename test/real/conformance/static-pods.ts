/**
 * The promise that a static pod that `userdata check` takes is one that kubelet runs: hundreds of manifests, good ones
 * and others a mistake away from them, are read by the real kubelet of a minor, and `userdata check` refuses nothing
 * that it takes.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { constantFrom, nat, record, sample } from "fast-check";
import { stringify } from "yaml";
import { isJsonObject, type Json } from "../../../lib/text/json.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { podReport } from "../../../settings/static-pods/manifest.ts";
import { variantNamed } from "../../../variants/all.ts";
import { compileMs, openKubeletWorld, type KubeletMinor, type KubeletWorld } from "./kubelet-world.ts";
import { goodPods } from "./good-pods.ts";

/** Values that are wrong in most places. */
const texts = [
  "",
  "a",
  "A_b",
  "a..b",
  "../a",
  "/",
  "1",
  "Never",
  "Always",
  "10Mi",
  "true",
  "a".repeat(64),
  "a=b",
  "-a",
];
const numbers = [0, 1, -1, 1.5, 70_000, 2_147_483_648];
const misfits = [true, false, null, [], {}, [""], [{}], { a: "b" }, { name: "a" }];
const replacements: readonly Json[] = [...texts, ...numbers, ...misfits];

/** Manifests for one kubelet. */
const atOnce = 100;

type Place = readonly (string | number)[];

/** Every place in a value but the value itself. */
function placesIn(value: Json, at: Place = []): Place[] {
  const inner: (readonly [string | number, Json])[] = Array.isArray(value)
    ? value.map((item, index) => [index, item] as const)
    : isJsonObject(value)
      ? Object.entries(value)
      : [];
  return inner.flatMap(([name, item]) => [[...at, name], ...placesIn(item, [...at, name])]);
}

type Change = (value: Json, name: string | number, parent: Json) => void;

/** Changes what is at a place in a copy. */
function changed(value: Json, at: Place, change: Change): Json {
  const copy = structuredClone(value);
  let parent = copy;
  for (const name of at.slice(0, -1)) {
    const next = Reflect.get(Object(parent), name) as Json;
    parent = next;
  }
  const last = at.at(-1);
  if (last !== undefined) change(Reflect.get(Object(parent), last) as Json, last, parent);
  return copy;
}

const changes = {
  replaced:
    (replacement: Json): Change =>
    (_value, name, parent) =>
      void Reflect.set(Object(parent), name, replacement),
  left: (): Change => (_value, name, parent) => {
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else Reflect.deleteProperty(Object(parent), name);
  },
  twice: (): Change => (value, _name, parent) => {
    if (Array.isArray(parent)) parent.push(structuredClone(value));
  },
  renamed: (): Change => (value, name, parent) => {
    if (!isJsonObject(parent)) return;
    Reflect.deleteProperty(parent, name);
    Reflect.set(parent, `${name}x`, value);
  },
} satisfies Record<string, (replacement: Json) => Change>;

const mistakes = record({
  pod: constantFrom(...goodPods),
  place: nat(),
  change: constantFrom<(keyof typeof changes)[]>(
    "replaced",
    "replaced",
    "replaced",
    "replaced",
    "left",
    "twice",
    "renamed",
  ),
  replacement: constantFrom(...replacements),
  isYaml: constantFrom(true, false),
}).map(({ pod, place, change, replacement, isYaml }) => {
  const places = placesIn(pod);
  const at = places[place % places.length] ?? [];
  const mistaken = changed(pod, at, changes[change](replacement));
  return isYaml ? stringify(mistaken, { version: "1.1" }) : JSON.stringify(mistaken);
});

export function staticPods(minor: KubeletMinor, { seed, count }: { seed: number; count: number }): void {
  const model = modelFor(variantNamed(`metal-k8s-${minor}`));
  let world: KubeletWorld;
  beforeAll(async () => {
    world = await openKubeletWorld(minor);
  }, compileMs);
  afterAll(async () => world[Symbol.asyncDispose]());

  /** Why kubelet refuses each of the manifests; undefined for those that it takes. */
  async function refusals(manifests: readonly string[]): Promise<(string | undefined)[]> {
    const reasons: (string | undefined)[] = [];
    for (let from = 0; from < manifests.length; from += atOnce) {
      reasons.push(...(await refusalsOf(manifests.slice(from, from + atOnce))));
    }
    return reasons;
  }

  async function refusalsOf(manifests: readonly string[]): Promise<(string | undefined)[]> {
    const encoded = [...manifests, "the last"].map((text) => Buffer.from(text).toString("base64"));
    const name = (index: number): string => `pod-${String(index).padStart(5, "0")}`;
    const pods = Object.fromEntries(encoded.map((manifest, index) => [name(index), { enabled: true, manifest }]));
    const settings = model.complete({ kubernetes: { "standalone-mode": true, "static-pods": pods } });
    // It reads them in the order of their names.
    const { ended, log } = await world.start(settings, new RegExp(`manifest file.*${name(manifests.length)}.*\n`));
    if (ended !== undefined) {
      // It does other things too, and on a busy machine ends by them before it has read all.
      expect(manifests.length, ended).toBeGreaterThan(1);
      const half = Math.ceil(manifests.length / 2);
      return [...(await refusalsOf(manifests.slice(0, half))), ...(await refusalsOf(manifests.slice(half)))];
    }
    const lines = log.split("\n").filter((line) => /manifest file/.test(line));
    return manifests.map((_, index) => lines.find((line) => line.includes(`/${name(index)}"`)));
  }

  test(`kubelet ${minor} takes the good pods, and check too`, async () => {
    const manifests = goodPods.flatMap((pod) => [JSON.stringify(pod), stringify(pod, { version: "1.1" })]);
    expect(await refusals(manifests)).toEqual(manifests.map(() => undefined));
    for (const text of manifests) expect(podReport(Buffer.from(text).toString("base64"), minor).flaws).toEqual([]);
  }, 300_000);

  test(`kubelet ${minor} takes whatever manifest check takes, and nothing that it refuses (seed ${seed})`, async () => {
    const manifests = [...new Set(sample(mistakes, { seed, numRuns: count }))];
    const reasons = await refusals(manifests);
    const missed: string[] = [];
    const needless: string[] = [];
    let refused = 0;
    for (const [index, text] of manifests.entries()) {
      const { flaws } = podReport(Buffer.from(text).toString("base64"), minor);
      const why = reasons[index];
      if (why !== undefined) refused++;
      if (flaws.length === 0 && why !== undefined) missed.push(why);
      if (why === undefined) needless.push(...flaws);
    }
    expect({ missed, needless }).toEqual({ missed: [], needless: [] });
    expect(refused).toBeGreaterThan(count / 10);
    expect(refused).toBeLessThan(manifests.length);
  }, 1_800_000);
}
