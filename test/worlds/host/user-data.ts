/** User data for tests: samples of what people write, and documents that are a mistake away from them. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { array, constantFrom, nat, oneof, record, string, tuple, uint8Array, type Arbitrary } from "fast-check";

const directory = join(import.meta.dir, "../../../settings/samples");

/** Which variants a sample is for. */
const variantsOf: Readonly<Record<string, readonly string[]>> = {
  "admin.toml": ["aws-k8s-1.20", "aws-k8s-1.35"],
  "dev.json": ["dev", "metal-dev", "aws-dev"],
  "ecs.toml": ["aws-ecs-1"],
  "eks.toml": ["aws-k8s-1.20"],
  "huge-pages.toml": ["metal-k8s-1.35"],
  "hybrid.toml": ["metal-k8s-1.35", "vmware-k8s-1.35"],
  "karpenter.toml": ["aws-k8s-1.35"],
  "metal.toml": ["dev", "metal-dev", "metal-k8s-1.20"],
  "mirrors.toml": ["dev", "aws-ecs-1", "metal-k8s-1.35"],
  "ntp-named.toml": ["dev", "aws-k8s-1.35"],
  "pki.toml": ["dev", "metal-k8s-1.35"],
  "vmware.toml": ["vmware-k8s-1.20", "metal-k8s-1.20"],
};

export type Sample = { name: string; variant: string; text: string };

export async function userDataSamples(): Promise<Sample[]> {
  const names = (await readdir(directory)).toSorted();
  const samples = await Promise.all(
    names.map(async (name) => {
      const text = await Bun.file(join(directory, name)).text();
      const variants = variantsOf[name];
      if (variants === undefined) throw new Error(`say in test/worlds/host/user-data.ts which variants ${name} is for`);
      return variants.map((variant) => ({ name, variant, text }));
    }),
  );
  return samples.flat();
}

/** Values that are wrong in most places, in a notation that TOML and JSON share unless a mistake is wanted. */
const values = [
  "0",
  "-1",
  "110.0",
  "1e400",
  "99999999999999999999",
  "true",
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"é☃"',
  '"unlimited"',
  "[]",
  "[[]]",
  '["a"]',
  "{}",
  "null",
  "inf",
  "1979-05-27T07:32:00Z",
  '"',
  "'''",
  "[".repeat(100),
];

type Mutation = (text: string) => string;

const place = nat(100_000);
const at = (text: string, where: number): number => (text.length === 0 ? 0 : where % text.length);

const insertions: Arbitrary<Mutation> = tuple(
  place,
  oneof(string({ unit: "binary", maxLength: 5 }), constantFrom(...values)),
).map(
  ([where, inserted]) =>
    (text) =>
      text.slice(0, at(text, where)) + inserted + text.slice(at(text, where)),
);
const deletions: Arbitrary<Mutation> = tuple(place, nat(20)).map(
  ([where, length]) =>
    (text) =>
      text.slice(0, at(text, where)) + text.slice(at(text, where) + length),
);
const truncations: Arbitrary<Mutation> = place.map((where) => (text) => text.slice(0, at(text, where)));

const lineMutations: Arbitrary<Mutation> = record({
  line: place,
  target: place,
  kind: constantFrom("drop", "double", "swap"),
}).map(({ line, target, kind }) => (text) => {
  const lines = text.split("\n");
  const from = line % lines.length;
  const to = target % lines.length;
  if (kind === "drop") return lines.toSpliced(from, 1).join("\n");
  if (kind === "double") return lines.toSpliced(to, 0, lines[from] ?? "").join("\n");
  return lines
    .with(from, lines[to] ?? "")
    .with(to, lines[from] ?? "")
    .join("\n");
});

/** Puts another value where one stands: the mistake that people make most. */
const valueMutations: Arbitrary<Mutation> = tuple(place, constantFrom(...values)).map(([where, value]) => (text) => {
  const found = [...text.matchAll(/(?<=[=:,[] *)(?:"[^"\n]*"|[\w.+-]+|\[[^\]\n]*\])(?= *[,\n\]}])/g)];
  const match = found[found.length === 0 ? 0 : where % found.length];
  return match === undefined ? text : text.slice(0, match.index) + value + text.slice(match.index + match[0].length);
});

/** A letter of a name changed, so that it names nothing. */
const nameMutations: Arbitrary<Mutation> = tuple(place, constantFrom("x", "-", "_", ".", '"', "é", "")).map(
  ([where, letter]) =>
    (text) => {
      const found = [...text.matchAll(/[\w-]+(?=[\]."]| *[=:])/g)];
      const match = found[found.length === 0 ? 0 : where % found.length];
      if (match === undefined) return text;
      const position = match.index + (where % match[0].length);
      return text.slice(0, position) + letter + text.slice(position + 1);
    },
);

/** A sample after one to three mutations. */
export function mutated(samples: readonly Sample[]): Arbitrary<Sample> {
  const mutation = oneof(
    insertions,
    deletions,
    truncations,
    lineMutations,
    valueMutations,
    valueMutations,
    nameMutations,
  );
  return tuple(constantFrom(...samples), array(mutation, { minLength: 1, maxLength: 3 })).map(
    ([sample, mutations]) => ({
      ...sample,
      text: mutations.reduce((text, mutate) => mutate(text), sample.text),
    }),
  );
}

/** A sample with some bytes changed, which need not be UTF-8 any more. */
export function damaged(samples: readonly Sample[]): Arbitrary<{ variant: string; bytes: Uint8Array }> {
  return tuple(constantFrom(...samples), uint8Array({ minLength: 1, maxLength: 4 }), place).map(
    ([{ variant, text }, bytes, where]) => {
      const damagedBytes = Buffer.from(text);
      damagedBytes.set(bytes.slice(0, damagedBytes.length), where % Math.max(1, damagedBytes.length - bytes.length));
      return { variant, bytes: damagedBytes };
    },
  );
}
