/**
 * Protects: the real Helm renders and installs the chart on every newer minor that nodes may have, where a
 * ValidatingAdmissionPolicy holds the operator to what is its own on a Node. Their control planes are compiled where they are
 * not in the cache.
 */
import { describe } from "bun:test";
import { clusterMinors } from "../../../vm/cluster/minors.ts";
import { chartInstalls } from "./chart-installs.ts";

const [, ...newer] = clusterMinors;
for (const minor of newer) describe(minor, () => chartInstalls(minor, { refines: true }));
