/** The images that the tests boot: built from this work tree, once for all test files of a run. */
import { builtImage } from "../../../cli/image/built-image.ts";
import type { kubernetesMinors } from "../../../variants/kubernetes.ts";

type NodeMinor = (typeof kubernetesMinors)[number];

/** Two hosts that start at once wait for one build. */
const building = new Map<string, Promise<string>>();

/**
 * The image of a variant.
 *
 * Test files of one run share their process but not their modules, so the environment keeps what was built. Who sets
 * the variable beforehand, for example `ORLOP_TEST_IMAGE_DEV=build/my.img ./orlop test vm`, tests that image.
 */
export async function imageOf(
  variant: "dev" | "metal-dev" | `${"metal" | "vmware"}-k8s-${NodeMinor}` | `metal-k8s-${NodeMinor}-nvidia`,
): Promise<string> {
  const variable = `ORLOP_TEST_IMAGE_${variant.toUpperCase().replaceAll(/[-.]/g, "_")}`;
  const prebuilt = process.env[variable];
  if (prebuilt !== undefined) return prebuilt;
  const image = building.get(variable) ?? build(variant);
  building.set(variable, image);
  return (process.env[variable] = await image);
}

async function build(variant: string): Promise<string> {
  const { image } = await builtImage({ variant, architecture: "x86_64" }, new AbortController().signal);
  return image;
}
