/** Is it going, held or halted, and by which sentence; what needs a person; and where each node is. */
import { Card, CommandLine, Empty, Pill } from "../../../../web/page/parts.tsx";
import type { PolicyPicture } from "../../../picture/fleet-picture.ts";
import { FleetConcernList } from "../fleet-concern-list.tsx";
import { fleetConcerns } from "../fleet-concerns.ts";
import { FleetMap, zoneName, zonesOf } from "../fleet-map.tsx";
import { nodesAddress } from "../fleet-routes.ts";
import type { ShownFleet } from "../fleet-store.ts";
import { countStates, nodeStates, stateLabels, type NodeState } from "../node-state.ts";
import { NodeTile } from "../node-tile.tsx";
import { paceTones, paceWords } from "../pace-text.ts";
import { StopButton } from "../stop-button.tsx";
import { useFleetNow } from "../use-fleet.ts";

export function FleetView({ fleet }: { fleet: ShownFleet }) {
  const nowMs = useFleetNow(fleet);
  if (fleet.nodes === undefined) return <Empty>Asking for the fleet …</Empty>;
  if (fleet.nodes.length === 0 && fleet.policies.length === 0) {
    return <Empty>There is no FleetPolicy: nothing is updated.</Empty>;
  }
  return (
    <>
      {fleet.policies.map((policy) => (
        <Verdict key={policy.policy} policy={policy} fleet={fleet} />
      ))}
      <FleetConcernList concerns={fleetConcerns(fleet, nowMs)} />
      <Card title="Nodes by zone and step" aside={<a href="#/nodes">All nodes</a>}>
        <Matrix fleet={fleet} />
        <FleetMap fleet={fleet} />
      </Card>
    </>
  );
}

function Verdict({ policy, fleet }: { policy: PolicyPicture; fleet: ShownFleet }) {
  const { policy: name, pace, counts, budget, stopped } = policy;
  const tone = paceTones[pace.state];
  return (
    <section class={`verdict ${tone}`} aria-label={`Policy ${name}`}>
      <div class="subject">
        <span>
          <Pill tone={tone}>{paceWords[pace.state]}</Pill> <strong>{name}</strong>
        </span>
        {stopped === undefined && pace.state !== "invalid" && <StopButton policy={name} viewer={fleet.viewer} />}
      </div>
      <p class="sentence">{pace.sentence}</p>
      {"command" in pace && (
        <p>
          <span class="fine">to let it go on:</span> <CommandLine text={pace.command ?? ""} />
        </p>
      )}
      {counts !== undefined && <Progress policy={name} fleet={fleet} total={counts.nodes} />}
      {counts !== undefined && (
        <p class="fine">
          {counts.upToDate.toLocaleString()} of {counts.nodes.toLocaleString()} nodes run what they are to run ·{" "}
          {counts.claimed.toLocaleString()} under work and {counts.away.toLocaleString()} away for other reasons, of{" "}
          {(budget ?? 0).toLocaleString()} that may be
        </p>
      )}
    </section>
  );
}

/** The states of a policy's nodes as one bar; the words below it say the same. */
function Progress({ policy, fleet, total }: { policy: string; fleet: ShownFleet; total: number }) {
  const counts = countStates((fleet.nodes ?? []).filter((node) => node.policy === policy));
  const shown = nodeStates.toReversed().filter((state) => counts[state] > 0);
  return (
    <div class="share" aria-hidden="true">
      {shown.map((state) => (
        <span
          key={state}
          class={`tile ${state}`}
          title={`${counts[state].toLocaleString()} ${stateLabels[state]}`}
          ref={(element) => {
            if (element !== null) element.style.flexGrow = String(counts[state] / Math.max(1, total));
          }}
        />
      ))}
    </div>
  );
}

function Matrix({ fleet }: { fleet: ShownFleet }) {
  const zones = zonesOf(fleet.nodes ?? []).map((zone) => ({ name: zone.name, counts: countStates(zone.nodes) }));
  const states = nodeStates.filter((state) => zones.some(({ counts }) => counts[state] > 0));
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Nodes by zone and step">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">Zone</th>
            {states.map((state) => (
              <th key={state} scope="col">
                <NodeTile state={state} /> {stateLabels[state]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {zones.map(({ name, counts }) => (
            <tr key={name}>
              <th scope="row">{zoneName(name)}</th>
              {states.map((state) => (
                <td key={state}>{counts[state] > 0 && <Count zone={name} state={state} count={counts[state]} />}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Count({ zone, state, count }: { zone: string; state: NodeState; count: number }) {
  return (
    <a href={nodesAddress({ state, zone })} aria-label={`${count} ${stateLabels[state]} in ${zoneName(zone)}`}>
      {count.toLocaleString()}
    </a>
  );
}
