/** The sign of a node's state: as in the map, so that a legend, a list and the map say the same. */
import { stateLabels, type NodeState } from "./node-state.ts";

export function NodeTile({ state }: { state: NodeState }) {
  return <span class={`tile ${state}`} aria-hidden="true" />;
}

export function StateLabel({ state }: { state: NodeState }) {
  return (
    <span class="state">
      <NodeTile state={state} /> {stateLabels[state]}
    </span>
  );
}
