/** One node's own page: what it waits for, what its host knows, and what was done with it. */
import { useEffect, useState } from "preact/hooks";
import { Card, CommandLine, Empty, Facts, Moment, Pill } from "../../../../web/page/parts.tsx";
import type { NodeDetails } from "../../../picture/node-details.ts";
import type { SentNode } from "../../fleet-update.ts";
import { zoneName } from "../fleet-map.tsx";
import { sentenceOf, type ShownFleet } from "../fleet-store.ts";
import { stateOf } from "../node-state.ts";
import { StateLabel } from "../node-tile.tsx";
import { Remaining } from "../remaining.tsx";
import { useFleetNow } from "../use-fleet.ts";
import { EventTable } from "./history.tsx";

type NodeProps = { fleet: ShownFleet; node: SentNode };

export function NodeView({ fleet, name }: { fleet: ShownFleet; name: string }) {
  const node = fleet.nodes?.find((each) => each.name === name);
  const details = useDetails(name, node);
  if (fleet.nodes === undefined) return <Empty>Asking for the fleet …</Empty>;
  if (node === undefined) return <Empty>No policy selects a node of that name, or it is gone.</Empty>;
  const own = fleet.events.filter((event) => event.kind === "Node" && event.name === name).toReversed();
  return (
    <>
      <NodeVerdict fleet={fleet} node={node} details={details} />
      <div class="cards">
        <Standing fleet={fleet} node={node} />
        {details?.host !== undefined && <Host host={details.host} />}
        {details !== undefined && <Cluster details={details} />}
      </div>
      {details?.pods !== undefined && details.pods.length > 0 && <Pods pods={details.pods} />}
      {details?.gates !== undefined && details.gates.length > 0 && <Gates gates={details.gates} />}
      <Card title="What was done with it">
        {own.length === 0 ? <Empty>Nothing that is still known.</Empty> : <EventTable events={own} />}
      </Card>
    </>
  );
}

/** Asked for again whenever the node is another. */
function useDetails(name: string, node: SentNode | undefined): NodeDetails | undefined {
  const [details, setDetails] = useState<NodeDetails>();
  useEffect(() => {
    if (node === undefined) return;
    void fetch(`node?name=${encodeURIComponent(name)}`)
      .then(async (response) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `fleet-console.ts` sends
        if (response.ok) setDetails((await response.json()) as NodeDetails);
      })
      .catch(() => undefined); // the page says that it has lost its program
  }, [name, node]);
  return details;
}

function NodeVerdict({ fleet, node, details }: NodeProps & { details: NodeDetails | undefined }) {
  const nowMs = useFleetNow(fleet);
  const state = stateOf(node);
  const tone = state === "trouble" ? "broken" : state === "aside" ? "attention" : state === "done" ? "good" : "quiet";
  const command =
    node.cause === "cordoned"
      ? `kubectl uncordon ${node.name}`
      : state === "trouble"
        ? `kubectl describe node ${node.name}`
        : undefined;
  return (
    <section class={`verdict ${tone}`} aria-label={`Node ${node.name}`}>
      <p>
        <StateLabel state={state} />
      </p>
      <p class="sentence">
        {node.name} {sentenceOf(fleet, node)}
      </p>
      {node.until !== undefined && (
        <p>
          <Remaining at={node.until} nowMs={nowMs} />
        </p>
      )}
      {details?.failed !== undefined && (
        <p>
          {details.failed.version} failed here: {details.failed.reason} · <Moment at={details.failed.at} />
        </p>
      )}
      {details?.tries !== undefined && (
        <p>
          {details.tries.version} was given up here after {details.tries.drains} drains and {details.tries.reboots}{" "}
          reboots : {details.tries.reason}
        </p>
      )}
      {command !== undefined && <CommandLine text={command} />}
    </section>
  );
}

function Standing({ fleet, node }: NodeProps) {
  const { version, target, step, since, zone, policy } = node;
  const nowMs = useFleetNow(fleet);
  const began = since === undefined ? undefined : Date.parse(since);
  return (
    <Card title="Version">
      <p class="figure">
        {version ?? "?"} {target !== undefined && <small>→ {target}</small>}
      </p>
      <Facts
        rows={[
          ["Step", step === "Idle" ? "at rest" : step],
          ...(began === undefined ? [] : ([["Since", <Since atMs={began} nowMs={nowMs} />]] as const)),
          ["Zone", zoneName(zone)],
          ["Policy", policy === "" ? "none" : policy],
        ]}
      />
    </Card>
  );
}

function Since({ atMs, nowMs }: { atMs: number; nowMs: number }) {
  const minutes = Math.floor(Math.max(0, nowMs - atMs) / 60_000);
  return (
    <>
      {minutes < 1 ? "less than a minute" : `${minutes} min`} · <Moment at={atMs} />
    </>
  );
}

function Host({ host }: { host: NonNullable<NodeDetails["host"]> }) {
  const { variant, arch, boot, seed, staged, fallback, onTrial, offers, held, activity, failure } = host;
  return (
    <Card title="Host" aside={onTrial ? <Pill tone="attention">on trial</Pill> : undefined}>
      <Facts
        rows={[
          ["Image", `${variant}, ${arch}`],
          ["Boot", boot],
          ...(seed === undefined ? [] : ([["Wave", `place ${seed} of 2,048`]] as const)),
          ["Staged", staged ?? "nothing"],
          ["Goes back to", fallback ?? "nothing"],
          ...(activity === undefined ? [] : ([["Does now", activity]] as const)),
          ...(failure === undefined ? [] : ([["Last failure", failure]] as const)),
          ...offers.map(
            ({ version, opensAt }) =>
              [`Offered ${version}`, opensAt === undefined ? "now" : <Moment at={opensAt} />] as const,
          ),
          ...held.map(({ version, reason }) => [`Holds ${version}`, reason] as const),
        ]}
      />
    </Card>
  );
}

function Cluster({ details: { ready, readySince, createdAt, cordon, order } }: { details: NodeDetails }) {
  const cordons = {
    none: "takes pods",
    ours: "cordoned by the operator",
    "another's": "cordoned by somebody",
  } as const;
  return (
    <Card title="Node" aside={<Pill tone={ready ? "good" : "broken"}>{ready ? "ready" : "not ready"}</Pill>}>
      <Facts
        rows={[
          [ready ? "Ready since" : "Not ready since", <Moment at={readySince} />],
          ["Scheduling", cordons[cordon]],
          ["Created", <Moment at={createdAt} />],
          ...(order === undefined
            ? []
            : ([
                ["Order", `${order.do} ${order.version}`],
                ["Void after", <Moment at={order.until} />],
              ] as const)),
        ]}
      />
    </Card>
  );
}

function Pods({ pods }: { pods: NonNullable<NodeDetails["pods"]> }) {
  return (
    <Card title="Pods that are still here">
      <table>
        <thead>
          <tr>
            <th scope="col">Pod</th>
            <th scope="col">Its eviction</th>
          </tr>
        </thead>
        <tbody>
          {pods.map(({ name, answer }) => (
            <tr key={name}>
              <td>{name}</td>
              <td>{answer ?? "not asked for"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Gates({ gates }: { gates: NonNullable<NodeDetails["gates"]> }) {
  return (
    <Card title="Gates of its soak">
      <Facts
        rows={gates.map(({ gate, holds, reason }) => [
          gate,
          <>
            <Pill tone={holds ? "good" : "attention"}>{holds ? "holds" : "does not hold"}</Pill> {reason}
          </>,
        ])}
      />
    </Card>
  );
}
