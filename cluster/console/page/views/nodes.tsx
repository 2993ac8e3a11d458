/** All nodes, to be searched and narrowed down; each leads to its own page. */
import { useMemo, useState } from "preact/hooks";
import { Empty } from "../../../../web/page/parts.tsx";
import { useOutside } from "../../../../web/page/use-outside.ts";
import { nodeAddress } from "../fleet-routes.ts";
import type { SentNode } from "../../fleet-update.ts";
import { sentenceOf, type ShownFleet } from "../fleet-store.ts";
import { nodeStates, stateLabels, stateOf, type NodeState } from "../node-state.ts";
import { StateLabel } from "../node-tile.tsx";
import { zoneName } from "../fleet-map.tsx";
import { VirtualRows } from "../virtual-rows.tsx";

type NodesViewProps = { fleet: ShownFleet; state: NodeState | undefined; zone: string | undefined };

export function NodesView({ fleet, state, zone }: NodesViewProps) {
  const [search, setSearch] = useState("");
  const [wantedState, setWantedState] = useState(state);
  const [wantedZone, setWantedZone] = useState(zone);
  const rowHeight = useRowHeight();
  const { nodes } = fleet;
  const zones = useMemo(() => [...new Set((nodes ?? []).map((node) => node.zone))], [nodes]);
  const shown = useMemo(
    () => matching(fleet, { search, state: wantedState, zone: wantedZone }),
    [nodes, fleet.common, search, wantedState, wantedZone],
  );
  if (nodes === undefined) return <Empty>Asking for the fleet …</Empty>;
  return (
    <>
      <form class="row" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search{" "}
          <input
            type="search"
            value={search}
            placeholder="name, version or sentence"
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
        <label>
          Step{" "}
          <select
            value={wantedState ?? ""}
            onChange={({ currentTarget }) => setWantedState(nodeStates.find((each) => each === currentTarget.value))}
          >
            <option value="">any</option>
            {nodeStates.map((each) => (
              <option key={each} value={each}>
                {stateLabels[each]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Zone{" "}
          <select
            value={wantedZone === undefined ? "any" : `=${wantedZone}`}
            onChange={({ currentTarget: { value } }) => setWantedZone(value === "any" ? undefined : value.slice(1))}
          >
            <option value="any">any</option>
            {zones.map((each) => (
              <option key={each} value={`=${each}`}>
                {zoneName(each)}
              </option>
            ))}
          </select>
        </label>
        <span class="fine" role="status">
          {shown.length.toLocaleString()} of {nodes.length.toLocaleString()}
        </span>
      </form>
      <VirtualRows
        label="Nodes"
        class="nodes"
        columns={["Node", "Step", "Zone", "Version", "What it waits for"]}
        rows={shown}
        rowHeight={rowHeight}
        keyOf={({ name }) => name}
        cells={(node, focus) => [
          <a href={nodeAddress(node.name)} {...focus}>
            {node.name}
          </a>,
          <StateLabel state={stateOf(node)} />,
          zoneName(node.zone),
          `${node.version ?? "?"}${node.target === undefined ? "" : ` → ${node.target}`}`,
          <span title={sentenceOf(fleet, node)}>{sentenceOf(fleet, node)}</span>,
        ]}
      />
    </>
  );
}

type Narrowing = { search: string; state: NodeState | undefined; zone: string | undefined };

function matching(fleet: ShownFleet, { search, state, zone }: Narrowing): readonly SentNode[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  return (fleet.nodes ?? []).filter((node) => {
    if (state !== undefined && stateOf(node) !== state) return false;
    if (zone !== undefined && node.zone !== zone) return false;
    if (words.length === 0) return true;
    const text = `${node.name} ${node.version ?? ""} ${node.target ?? ""} ${sentenceOf(fleet, node)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const narrow = "(width < 46rem)";

/** On a phone, what it waits for stands below the rest. */
function useRowHeight(): number {
  const media = matchMedia(narrow);
  const isNarrow = useOutside(media, "change", () => media.matches);
  return isNarrow ? 76 : 32;
}
