/** Protects: the types of a Pod are those of the sources that the recipes pin (`./orlop generate --kubernetes`). */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { podSchemas } from "../../../tools/pod-schemas.ts";
import { kubernetesMinors } from "../../../variants/kubernetes.ts";
import { compileMs } from "./kubelet-world.ts";

// It brings the sources.
beforeAll(async () => {
  for (const minor of kubernetesMinors) {
    await makeProgram(`kubernetes-${minor}/kubelet`, { architecture: machineArchitecture() });
  }
}, compileMs);

test.each(Object.entries(podSchemas))("%s is what the source says", async (path, make) => {
  expect(await Bun.file(join(import.meta.dir, "../../..", path)).text()).toBe(await make());
});
