/**
 * What makes GPUs of NVIDIA usable in containers, from Go modules: the runtime that injects them, and what describes them as
 * the Container Device Interface has it.
 *
 * They open the driver's libraries while they run, by C: nothing of a driver is needed to compile them. The linker binds
 * such functions when they are called, as Debian's does unless it is asked for `-z now`.
 * The older mode of the toolkit, with a hook that calls `nvidia-container-cli`, is left out: it needs a library of the
 * same maker, and the newer one does the same by itself.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const toolkitVersion = "1.20.2";

export const nvidiaContainerToolkit: GoRecipe = {
  kind: "go",
  name: "nvidia-container-toolkit",
  version: toolkitVersion,
  license: "Apache-2.0",
  purl: `pkg:golang/github.com/NVIDIA/nvidia-container-toolkit@v${toolkitVersion}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "nvidia-container-toolkit") },
  importPath: "github.com/NVIDIA/nvidia-container-toolkit",
  programs: {
    "nvidia-cdi-hook": "cmd/nvidia-cdi-hook",
    "nvidia-container-runtime": "cmd/nvidia-container-runtime",
    "nvidia-ctk": "cmd/nvidia-ctk",
  },
  cgo: true,
  variables: { "github.com/NVIDIA/nvidia-container-toolkit/internal/info.version": toolkitVersion },
};
