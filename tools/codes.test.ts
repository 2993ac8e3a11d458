/** Codes of failures: declared once, by the layer that makes them or one below, and made by some code. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { clientCodes, statuses } from "../api/codes.ts";
import { benchCodes } from "../bench/codes.ts";
import { cliCodes } from "../cli/codes.ts";
import { clusterCodes } from "../cluster/codes.ts";
import { hostCodes } from "../host/codes.ts";
import { installerCodes } from "../installer/codes.ts";
import { imageCodes } from "../image/codes.ts";
import { kubernetesCodes } from "../kubernetes/codes.ts";
import { programsCodes } from "../programs/codes.ts";
import { publishCodes } from "../publish/codes.ts";
import { libCodes } from "../lib/codes.ts";
import { repoCodes } from "../repo/codes.ts";
import { settingsCodes } from "../settings/codes.ts";
import { variantsCodes } from "../variants/codes.ts";
import { vmCodes } from "../vm/codes.ts";
import { webCodes } from "../web/codes.ts";
import { layers } from "./layers.ts";

const repository = join(import.meta.dir, "..");

/** Those that no layer below the API declares are its own, wherever above it they are made. */
const answered = Object.keys(statuses);
const declared = new Map<string, readonly string[]>([
  ["lib", libCodes],
  ["settings", settingsCodes],
  ["variants", variantsCodes],
  ["api", [...answered.filter((code) => !isListed(code, [libCodes, settingsCodes])), ...clientCodes]],
  ["repo", repoCodes],
  ["kubernetes", kubernetesCodes],
  ["host", hostCodes],
  ["web", webCodes],
  ["installer", installerCodes],
  ["programs", programsCodes],
  ["image", imageCodes],
  ["publish", publishCodes],
  ["vm", vmCodes],
  ["cluster", clusterCodes],
  ["cli", cliCodes],
  ["bench", benchCodes],
]);

function isListed(code: string, lists: readonly (readonly string[])[]): boolean {
  return lists.some((list) => list.includes(code));
}

/** By layer: the words in quotes that may be a code which it makes. */
const words = new Map<string, Set<string>>();
for (const layer of declared.keys()) {
  const made = new Set<string>();
  for (const file of new Bun.Glob(`${layer}/**/*.ts`).scanSync(repository)) {
    if (/\.test\.ts$|(^|\/)codes\.ts$/.test(file)) continue;
    for (const word of wordsIn(await readFile(join(repository, file), "utf8"))) made.add(word);
  }
  words.set(layer, made);
}

/** Quoted words outside comments and types, but for those that are only compared with. */
function wordsIn(source: string): string[] {
  const code = source
    .replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "")
    .replaceAll(/\bisFailure\([^()]*(?:\([^()]*\)[^()]*)*\)/g, "")
    .replaceAll(/[=!]== "[a-z0-9-]+"|\bcase "[a-z0-9-]+"|\| "[a-z0-9-]+"|"[a-z0-9-]+"(?= \|)|<"[a-z0-9-]+"/g, "");
  return [...code.matchAll(/"([a-z][a-z0-9-]*)"/g)].map(([, word = ""]) => word);
}

test("every code is declared once", () => {
  const all = [...declared.values()].flat();
  expect(all.filter((code, at) => all.indexOf(code) !== at)).toEqual([]);
  expect(all.length).toBeGreaterThan(200);
});

test("every declared code is made, by its layer or one above", () => {
  const unmade: string[] = [];
  for (const [layer, codes] of declared) {
    const makers = [...words].filter(([maker]) => maker === layer || layers.get(maker)?.includes(layer) === true);
    for (const code of codes) if (!makers.some(([, made]) => made.has(code))) unmade.push(`${layer}: ${code}`);
  }
  expect(unmade).toEqual([]);
});

test("a code that is only compared with is not made", () => {
  const source = `
    /** @throws {Failure<"in-a-comment">} */
    if (isFailure(error, "asked-for") || error.code === "compared") return;
    const refuse = (code: "in-a-type" | "in-a-union"): never => { throw new Failure(code, "cannot"); };
    throw new Failure("made", "cannot make");
  `;
  expect(wordsIn(source)).toEqual(["cannot", "made"]);
});

/** A header that is too long is refused before there is a request; the other is a bug. */
const withoutCode = [431, 500];

test("docs/api.md explains every status of a refusal, and no others", async () => {
  const guide = await readFile(join(repository, "docs/api.md"), "utf8");
  const table = guide.slice(guide.indexOf("## When a request is refused"), guide.indexOf("## Differences"));
  const explained = [...table.matchAll(/^\| (\d[\d, ]+?) +\|/gm)].flatMap(([, cell = ""]) =>
    cell.split(", ").map(Number),
  );
  expect(explained.toSorted((a, b) => a - b)).toEqual(
    [...new Set([...Object.values(statuses), ...withoutCode])].toSorted((a, b) => a - b),
  );
});
