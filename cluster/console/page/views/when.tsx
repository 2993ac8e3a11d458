/** When the rest follows: the waves over the nodes that are here, and the windows in which nodes may begin. */
import { Card, Empty, Facts, Moment } from "../../../../web/page/parts.tsx";
import type { PolicyPicture } from "../../../picture/fleet-picture.ts";
import type { WavePicture } from "../../../picture/wave-picture.ts";
import type { WindowPicture } from "../../../picture/window-picture.ts";
import type { ShownFleet } from "../fleet-store.ts";
import { Remaining } from "../remaining.tsx";
import { useFleetNow } from "../use-fleet.ts";
import { WavePlot } from "../wave-plot.tsx";

export function WhenView({ fleet }: { fleet: ShownFleet }) {
  const nowMs = useFleetNow(fleet);
  if (fleet.nodes === undefined) return <Empty>Asking for the fleet …</Empty>;
  const readable = fleet.policies.filter(({ counts }) => counts !== undefined);
  if (readable.length === 0) return <Empty>No policy says when anything is updated.</Empty>;
  return (
    <>
      {readable.map((policy) => (
        <PolicyTimes key={policy.policy} policy={policy} nowMs={nowMs} />
      ))}
    </>
  );
}

function PolicyTimes({ policy, nowMs }: { policy: PolicyPicture; nowMs: number }) {
  const { policy: name, waves = [], windows = null } = policy;
  return (
    <>
      {waves.map((wave) => (
        <Card key={wave.version} title={`${wave.version}, of policy ${name}`}>
          <WaveFacts wave={wave} nowMs={nowMs} />
          <WavePlot wave={wave} windows={windows ?? []} nowMs={nowMs} />
        </Card>
      ))}
      {waves.length === 0 && (
        <Card title={`Versions of policy ${name}`}>
          <Empty>No node is offered anything but what it runs.</Empty>
        </Card>
      )}
      <Card title={`Windows of policy ${name}`}>
        {windows === null ? <Empty>Nodes may begin at any time.</Empty> : <Windows windows={windows} nowMs={nowMs} />}
      </Card>
    </>
  );
}

function WaveFacts({ wave, nowMs }: { wave: WavePicture; nowMs: number }) {
  const { nodes, runs, open, opens } = wave;
  const [next] = opens;
  const last = opens.at(-1);
  return (
    <Facts
      rows={[
        ["Run it", `${runs.toLocaleString()} of ${nodes.toLocaleString()} nodes`],
        ["May take it", `${open.toLocaleString()} more`],
        ...(next === undefined || last === undefined
          ? ([["Waves", "open to every node that is here"]] as const)
          : ([
              ["Opens next", <Remaining at={next.at} nowMs={nowMs} />],
              ["Opens to all", <Remaining at={last.at} nowMs={nowMs} />],
            ] as const)),
      ]}
    />
  );
}

function Windows({ windows, nowMs }: { windows: readonly WindowPicture[]; nowMs: number }) {
  const ahead = windows.filter(({ closesAt }) => Date.parse(closesAt) > nowMs).slice(0, 10);
  if (ahead.length === 0) return <Empty>No window opens in the next two weeks.</Empty>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Opens</th>
          <th scope="col">Closes</th>
        </tr>
      </thead>
      <tbody>
        {ahead.map(({ opensAt, closesAt }) => (
          <tr key={opensAt}>
            <td>
              {Date.parse(opensAt) <= nowMs ? <strong>open now</strong> : <Remaining at={opensAt} nowMs={nowMs} />}
            </td>
            <td>
              <Moment at={closesAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
