/** The place of this host in an update's waves: drawn once, so that a fleet spreads evenly. */
import { randomInt } from "node:crypto";
import type { Generator } from "./generator.ts";

/** Seeds are below it. Source: Bottlerocket's update manifest. */
const seedLimit = 2048;

export const seed: Generator = {
  key: "settings.updates.seed",
  group: "updates",
  description: "drawn once from 0 to 2047",
  generate: async () => randomInt(seedLimit),
};
