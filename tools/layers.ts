/** Who may import whom. `ARCHITECTURE.md` says why; `layers.test.ts` holds the tree to it. */
import { dirname, join, normalize } from "node:path";

const everything = [
  "lib",
  "settings",
  "variants",
  "api",
  "repo",
  "kubernetes",
  "web",
  "host",
  "console",
  "installer",
  "programs",
  "image",
  "publish",
  "vm",
  "cluster",
  "cli",
  "test",
  "bench",
  "tools",
];

/** By folder: the folders, or single files, that it may import beside its own. */
export const layers: ReadonlyMap<string, readonly string[]> = new Map([
  ["lib", []],
  ["settings", ["lib"]],
  ["variants", ["lib", "settings"]],
  ["api", ["lib", "settings"]],
  ["repo", ["lib"]],
  ["kubernetes", ["lib", "api"]],
  ["web", ["lib", "api"]],
  ["host", ["lib", "settings", "variants", "api", "repo", "kubernetes"]],
  [
    "console",
    [
      "lib",
      "settings",
      "variants",
      "api",
      "web",
      "host/commands/apiclient.ts",
      "host/commands/apiclient/context.ts",
      "host/commands/apiclient/host-model.ts",
      "host/masking/masker.ts",
      "host/masking/secrets-of-host.ts",
    ],
  ],
  [
    "programs",
    [
      "lib",
      "variants",
      "web",
      "host/commands/apiclient.ts",
      "console/server/host-page.ts",
      "cluster/console/fleet-page.ts",
    ],
  ],
  ["installer", ["lib", "host/machine/linux.ts"]],
  ["image", ["lib", "settings", "variants", "repo", "installer/order.ts", "host/update/boot/boot-entry.ts"]],
  ["publish", ["lib", "settings", "variants", "repo", "installer/order.ts", "image"]],
  ["vm", ["lib", "api", "image"]],
  ["cluster", ["lib", "api", "repo", "kubernetes", "web", "host/node/obey.ts", "host/update/choice.ts"]],
  ["cli", everything],
  ["test", everything],
  ["bench", everything],
  ["tools", everything],
]);

/** Whatever is written in TypeScript, that of pages too. */
export const sourcePattern = `{${[...layers.keys()].join(",")}}/**/*.{ts,tsx}`;

const transpilers = { ts: new Bun.Transpiler({ loader: "ts" }), tsx: new Bun.Transpiler({ loader: "tsx" }) };

/** What the transpiler brings in for elements, which nobody wrote. */
const elementRuntime = /^react(?:$|\/)/;

/** What the transpiler leaves out, since it is only a type. */
const typeImports = [
  /^\s*(?:import|export) type (?:\w+|\*|\{[^}]*\}) from "([^"]+)"/gm,
  /^\s*(?:import|export) \{(?:\s*type [^,}]+,?)+\s*\} from "([^"]+)"/gm,
  /\bimport\("([^"]+)"\)/g,
];

/** Every module that a TypeScript source names, types included. */
export function importsOf(source: string, file = "source.ts"): string[] {
  const types = typeImports.flatMap((form) => [...source.matchAll(form)].map(([, path]) => path ?? ""));
  const scanned = transpilers[file.endsWith(".tsx") ? "tsx" : "ts"].scanImports(source).map(({ path }) => path);
  return [...new Set([...scanned.filter((path) => !elementRuntime.test(path)), ...types])];
}

/** Why `file` may not import `module`; undefined when it may, or when the module is a package. */
export function objection(file: string, module: string): string | undefined {
  if (!module.startsWith(".")) return undefined;
  const target = normalize(join(dirname(file), module));
  if (!target.includes("/")) return undefined; // package.json
  const [layer = "", targetLayer = ""] = [file, target].map((path) => path.split("/", 1)[0]);
  const allowed = layers.get(layer);
  if (allowed === undefined) return `${file} is in no layer: tools/layers.ts does not know ${layer}/`;
  if (targetLayer === layer || allowed.includes(targetLayer) || allowed.includes(target)) return undefined;
  if (file.endsWith(".test.ts") && targetLayer === "test") return undefined; // worlds that tests share
  return `${file} imports ${target}, but ${layer} may import only ${allowed.join(", ") || "nothing of ours"}`;
}
