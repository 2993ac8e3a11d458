/**
 * The promise that whatever `userdata check` takes, kubelet starts with: thousands of generated settings go to the real
 * kubelet of a minor. What kubelet takes and `userdata check` refuses is in a list with reasons, so that nothing is
 * refused for nothing.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { sample } from "fast-check";
import { modelFor } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";
import { joinedNode } from "../../worlds/host/joined-node.ts";
import { namesFor, nodeTrees, type NodeTree } from "./kubelet-settings.ts";
import { compileMs, openKubeletWorld, type KubeletMinor, type KubeletWorld } from "./kubelet-world.ts";

/** What is refused although kubelet starts with it, by the text of the refusal. */
const stricter: readonly (readonly [refusal: RegExp, why: string])[] = [
  [/must be a whole number from/, "a number that overflows or stands for a default of its own is a mistake"],
  [/must be a percentage from 0% to below 100%/, "kubelet ignores 100%, and nobody means that"],
  [/server-(?:key|certificate) must/, "it serves with them only later, and ends then"],
  [/(?:kube|system)-reserved\.cpu must be a quantity/, "beside reserved-cpus, it does not read it"],
  [/memory-manager-reserved-memory\.\S+ must be a quantity/, "an entry that is off is none to it"],
  [/cluster-certificate must be/, "alone, it does not read it"],
  [/must be a node name/, "a cluster refuses a node whose name is no value of a label"],
  [/node-taints\.\S+ must have each effect once/, "a cluster refuses such a node"],
];

/** Side by side: 1.20 mostly waits. */
const atOnce = 8;

export function kubeletStarts(
  minor: KubeletMinor,
  { seed, count, limitMs }: { seed: number; count: number; limitMs: number },
): void {
  const variant = variantNamed(`metal-k8s-${minor}`);
  const model = modelFor(variant);
  let world: KubeletWorld;

  beforeAll(async () => {
    world = await openKubeletWorld(minor);
  }, compileMs);
  afterAll(async () => world[Symbol.asyncDispose]());

  const treeOf = (kubernetes: NodeTree) => ({ kubernetes: { ...joinedNode, ...kubernetes } });
  /** The problems that `userdata check` finds in settings. */
  function refusals(kubernetes: NodeTree): string[] {
    const parsed = model.parse(treeOf(kubernetes));
    const problems = parsed.ok ? model.requirements(parsed.value) : parsed.problems;
    return problems.map(({ message }) => message);
  }
  async function lastWords(kubernetes: NodeTree): Promise<string | undefined> {
    const parsed = model.parse(treeOf(kubernetes));
    return (await world.start(model.complete(parsed.ok ? parsed.value : treeOf(kubernetes)))).ended;
  }

  /** Fewer settings with which it is still so that `userdata check` takes what kubelet ends with. */
  async function least(kubernetes: NodeTree): Promise<NodeTree> {
    for (const name of Object.keys(kubernetes)) {
      const { [name]: _, ...fewer } = kubernetes;
      if (refusals(fewer).length === 0 && (await lastWords(fewer)) !== undefined) return await least(fewer);
    }
    return kubernetes;
  }

  test("every setting of this minor is generated, or is elsewhere", () => {
    expect(namesFor(minor).forgotten).toEqual([]);
  });

  test(
    `kubelet ${minor} starts with whatever check takes, and with little that it refuses (seed ${seed})`,
    async () => {
      const trees = sample(nodeTrees(minor), { seed, numRuns: count });
      const ended: { settings: NodeTree; message: string | undefined }[] = [];
      const needless = new Map<string, NodeTree>();
      let accepted = 0;
      const rest = trees.values();
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          for (const tree of rest) {
            const refused = refusals(tree);
            const lastLine = await lastWords(tree);
            if (refused.length === 0) accepted++;
            if (refused.length === 0 && lastLine !== undefined) ended.push({ settings: tree, message: lastLine });
            if (lastLine !== undefined) continue;
            for (const message of refused) {
              if (!stricter.some(([known]) => known.test(message))) needless.set(message, tree);
            }
          }
        }),
      );
      const [first] = ended;
      const shortest = first === undefined ? undefined : await least(first.settings);
      expect({ shortest, ended: ended.slice(0, 5) }).toEqual({ shortest: undefined, ended: [] });
      expect(Object.fromEntries(needless)).toEqual({});
      // Both kinds are there, so neither claim is empty.
      expect(accepted).toBeGreaterThan(count / 10);
      expect(accepted).toBeLessThan(count);
    },
    limitMs,
  );
}
