/** Protects: kubelet would only log that it cannot use a manifest; here it is said with its place, before. */
import { expect, test } from "bun:test";
import { checkDocument } from "./check.ts";
import { flawOf } from "./pod-manifest.ts";
import { modelNamed } from "../test/models.ts";

const good =
  "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: a/b:1\n";
const flaw = (text: string): string | undefined => flawOf(new TextEncoder().encode(text));

test("a pod in YAML or JSON is taken", () => {
  expect(flaw(good)).toBeUndefined();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a.b" },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  expect(flaw(JSON.stringify(pod))).toBeUndefined();
});

test.each([
  ["", "it is empty"],
  ["- a\n", "line 1, column 1: expected a mapping with apiVersion, kind, metadata and spec"],
  [good.replace("kind: Pod", "kind: Deployment"), "line 2, column 7: kind must be Pod"],
  [good.replace("apiVersion: v1\n", ""), "line 1, column 1: apiVersion must be v1"],
  [good.replace("name: web\nspec", "name: Web_1\nspec"), "line 4, column 9: metadata.name must be the name of a pod"],
  [good.replace("      image: a/b:1\n", ""), "line 7, column 7: spec.containers[0].image must be an image"],
  [
    good.replace(/spec:[^]*/, "spec: {}\n"),
    "line 5, column 7: spec.containers must be a list of one or more containers",
  ],
  [`${good}---\n${good}`, "line 9, column 1: only one document is used"],
  [good.replace("kind: Pod", "kind: Pod\nkind: Pod"), "line 3, column 1: Map keys must be unique"],
])("%j is refused with its place", (text, says) => {
  expect(flaw(text)).toBe(says);
});

test("broken YAML is told with line and column, and bytes that are no text too", () => {
  expect(flaw(good.replace("  name: web\nspec", "  name: [web\nspec"))).toMatch(/^line \d+, column \d+: /);
  expect(flawOf(new Uint8Array([0xff, 0xfe]))).toBe("it is not UTF-8");
});

test("check says where the setting is and where in the manifest it goes wrong", () => {
  const manifest = Buffer.from(good.replace("kind: Pod", "kind: Job")).toString("base64");
  const document = `[settings.kubernetes.static-pods.web]\nenabled = true\nmanifest = "${manifest}"\n`;
  const report = checkDocument(document, modelNamed("metal-k8s-1.20"));
  expect(report.valid).toBe(false);
  expect(report.problems[0]).toMatchObject({ line: 3, key: "settings.kubernetes.static-pods.web.manifest" });
  expect(report.problems[0]?.message).toContain("line 2, column 7: kind must be Pod");
});
