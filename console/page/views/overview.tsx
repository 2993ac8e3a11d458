/** Is the host healthy, what is wrong, and what does one do: then how it stands. */
import type { ConsoleView } from "../../view.ts";
import { ConcernList } from "../concern-list.tsx";
import { concernsOf } from "../concerns.ts";
import { Card, Empty, Facts, Moment, Pill } from "../../../web/page/parts.tsx";
import { bytesText, formatDuration } from "../../../web/page/texts.ts";
import { Remaining } from "./trial.tsx";
import { updateSentence } from "./update.tsx";

export function OverviewView({ view }: { view: ConsoleView }) {
  const { status } = view;
  if (status === undefined) return <Empty>Asking the host …</Empty>;
  return (
    <>
      <Verdict view={view} />
      <div class="cards">
        <ImageCard view={view} />
        <SettingsCard view={view} />
        <BootCard view={view} />
        <ContainersCard view={view} />
        <MachineCard view={view} />
      </div>
    </>
  );
}

function Verdict({ view }: { view: ConsoleView }) {
  const concerns = concernsOf(view);
  const broken = concerns.filter(({ severity }) => severity === "broken").length;
  const attention = concerns.filter(({ severity }) => severity === "attention").length;
  const isBooting = view.status?.state === "booting";
  const verdict =
    broken > 0
      ? `${broken === 1 ? "One thing is" : `${broken} things are`} broken`
      : attention > 0
        ? `Working; ${attention === 1 ? "one thing needs" : `${attention} things need`} a look`
        : isBooting
          ? "Booting"
          : "Healthy: nothing needs you";
  const tone = broken > 0 ? "broken" : attention > 0 || isBooting ? "attention" : "good";
  return (
    <section class={`verdict ${tone}`} aria-label="Verdict">
      <p class="sentence">{verdict}</p>
      <ConcernList view={view} />
    </section>
  );
}

function ImageCard({ view: { status, updates } }: { view: ConsoleView }) {
  if (status === undefined) return null;
  const { os, uptimeSeconds } = status;
  return (
    <Card title="Image" aside={<a href="#/update">Update</a>}>
      <p class="figure">
        {os.version_id} <small>{os.variant_id}</small>
      </p>
      <Facts
        rows={[
          ["Build", `${os.build_id}, ${os.arch}, on ${os.platform}`],
          ["Up for", formatDuration(uptimeSeconds)],
          ["Next", updateSentence(status.update, updates)],
        ]}
      />
    </Card>
  );
}

function SettingsCard({ view: { status, history = [] } }: { view: ConsoleView }) {
  if (status === undefined) return null;
  const { settings, trial, reconcilers } = status;
  const last = history.find((entry) => "version" in entry);
  const converged = reconcilers.filter(({ state }) => state === "converged").length;
  return (
    <Card title="Settings" aside={<a href="#/settings">Settings</a>}>
      <p class="figure">
        version {settings.version} {trial !== undefined && <Pill tone="attention">on trial</Pill>}
      </p>
      <Facts
        rows={[
          ["In force", `${converged} of ${reconcilers.length} parts are as set`],
          ...(trial === undefined ? [] : [["Goes back", <Remaining trial={trial} />] as const]),
          ["Last change", last === undefined ? "none yet" : <Moment at={last.at} />],
        ]}
      />
    </Card>
  );
}

function BootCard({ view: { status, boot } }: { view: ConsoleView }) {
  if (status === undefined) return null;
  const ended = status.boot.filter(({ state }) => state === "done" || state === "skipped").length;
  return (
    <Card title="Boot" aside={<a href="#/boot">Boot</a>}>
      <p class="figure">
        {boot?.finishedSeconds === undefined
          ? `${ended} of ${status.boot.length} steps`
          : formatDuration(boot.finishedSeconds)}
      </p>
      <Facts
        rows={[
          ["Steps", `${ended} of ${status.boot.length} done`],
          [
            "Last good boot",
            status.settings.lastGoodBoot === undefined ? "none yet" : <Moment at={status.settings.lastGoodBoot.at} />,
          ],
        ]}
      />
    </Card>
  );
}

function ContainersCard({ view: { status, containers = [] } }: { view: ConsoleView }) {
  const enabled = containers.filter((container) => container.enabled);
  const failing = new Set(
    (status?.hostContainers ?? []).flatMap(({ name, failing: isFailing }) => (isFailing ? [name] : [])),
  );
  return (
    <Card title="Containers" aside={<a href="#/containers">Containers</a>}>
      <p class="figure">
        {enabled.length} <small>of the host</small>
      </p>
      <Facts
        rows={enabled.map(({ name, state }) => [
          name,
          <Pill tone={failing.has(name) ? "broken" : "good"}>{state}</Pill>,
        ])}
      />
      {status?.node !== undefined && (
        <Facts
          rows={[
            [
              "Node",
              <Pill tone={status.node.ready ? "good" : "broken"}>{status.node.ready ? "ready" : "not ready"}</Pill>,
            ],
          ]}
        />
      )}
    </Card>
  );
}

function MachineCard({ view: { usage } }: { view: ConsoleView }) {
  const last = usage?.samples.at(-1);
  if (usage === undefined || usage === null) return null;
  return (
    <Card title="Machine" aside={<a href="#/machine">Machine</a>}>
      <p class="figure">
        {last === undefined ? "–" : bytesText(last.memoryUsedBytes)}{" "}
        <small>of {bytesText(usage.memoryBytes)} memory</small>
      </p>
      <Facts rows={usage.fileSystems.map((each) => [each.path, <Fullness {...each} />])} />
    </Card>
  );
}

export function Fullness({
  path,
  sizeBytes,
  availableBytes,
}: {
  path: string;
  sizeBytes: number;
  availableBytes: number;
}) {
  return (
    <span class="fullness">
      <meter
        min={0}
        max={sizeBytes}
        high={sizeBytes * 0.9}
        optimum={0}
        value={sizeBytes - availableBytes}
        aria-label={`${path}, how full`}
      />{" "}
      {bytesText(availableBytes)} free of {bytesText(sizeBytes)}
    </span>
  );
}
