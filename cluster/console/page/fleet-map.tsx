/**
 * Every node as a tile, zone by zone, painted by its state. It is a picture: screen readers get the counts, and the list of
 * nodes has each of them for the keyboard.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { SentNode } from "../fleet-update.ts";
import { nodeAddress } from "./fleet-routes.ts";
import { sentenceOf, type ShownFleet } from "./fleet-store.ts";
import { countStates, countsText, stateOf, type NodeState } from "./node-state.ts";

export type Zone = { name: string; nodes: readonly SentNode[] };

/** In the order of their names. */
export function zonesOf(nodes: readonly SentNode[]): Zone[] {
  const zones = new Map<string, SentNode[]>();
  for (const node of nodes) {
    const zone = zones.get(node.zone);
    if (zone === undefined) zones.set(node.zone, [node]);
    else zone.push(node);
  }
  return [...zones].map(([name, inside]) => ({ name, nodes: inside }));
}

export const zoneName = (name: string): string => (name === "" ? "no zone" : name);

/** In pixels, with the gap behind it. */
function pitchFor(count: number): number {
  if (count <= 60) return 30;
  if (count <= 400) return 22;
  return count <= 1_500 ? 15 : 11;
}

const gap = 2;

export function FleetMap({ fleet }: { fleet: ShownFleet }) {
  const nodes = fleet.nodes ?? [];
  const pitch = pitchFor(nodes.length);
  return (
    <>
      {zonesOf(nodes).map((zone) => (
        <section key={zone.name} class="zone" aria-label={`Zone ${zoneName(zone.name)}`}>
          <h3>
            {zoneName(zone.name)} <small>{zone.nodes.length.toLocaleString()} nodes</small>
          </h3>
          <ZoneMap fleet={fleet} zone={zone} pitch={pitch} />
        </section>
      ))}
    </>
  );
}

function ZoneMap({ fleet, zone, pitch }: { fleet: ShownFleet; zone: Zone; pitch: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [pointed, setPointed] = useState<SentNode>();
  const columns = Math.max(1, Math.floor((width + gap) / pitch));
  useEffect(() => {
    const { current } = canvas;
    if (current === null) return;
    const measured = new ResizeObserver(() => setWidth(current.clientWidth));
    measured.observe(current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const again = (): void => setWidth((before) => before + 1e-6);
    scheme.addEventListener("change", again);
    return () => {
      measured.disconnect();
      scheme.removeEventListener("change", again);
    };
  }, []);
  useEffect(() => {
    if (canvas.current !== null && width > 0) paint(canvas.current, zone.nodes, { pitch, columns, width });
  }, [zone.nodes, pitch, columns, width]);
  const nodeAt = ({ offsetX, offsetY }: MouseEvent): SentNode | undefined => {
    const column = Math.floor(offsetX / pitch);
    return column < columns ? zone.nodes[Math.floor(offsetY / pitch) * columns + column] : undefined;
  };
  const open = (event: MouseEvent): void => {
    const node = nodeAt(event);
    if (node !== undefined) location.hash = nodeAddress(node.name);
  };
  const label = `${zone.nodes.length.toLocaleString()} nodes: ${countsText(countStates(zone.nodes))}`;
  return (
    <>
      <canvas
        ref={canvas}
        class="map"
        role="img"
        aria-label={label}
        onClick={open}
        onMouseMove={(event) => setPointed(nodeAt(event))}
        onMouseLeave={() => setPointed(undefined)}
      />
      <p class="pointed" aria-hidden="true">
        {pointed === undefined ? " " : `${pointed.name} ${sentenceOf(fleet, pointed)}`}
      </p>
    </>
  );
}

type Layout = { pitch: number; columns: number; width: number };

function paint(canvas: HTMLCanvasElement, nodes: readonly SentNode[], { pitch, columns, width }: Layout): void {
  const height = Math.ceil(nodes.length / columns) * pitch;
  const scale = devicePixelRatio;
  const [pixelsWide, pixelsHigh] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelsWide || canvas.height !== pixelsHigh) {
    [canvas.width, canvas.height] = [pixelsWide, pixelsHigh];
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const colours = coloursOf(canvas);
  const side = pitch - gap;
  nodes.forEach((node, index) => {
    const state = stateOf(node);
    const [x, y] = [(index % columns) * pitch, Math.floor(index / columns) * pitch];
    paintTile(context, { x, y, side, state, colours });
  });
}

type Colours = Record<NodeState | "mark", string>;
type Tile = { x: number; y: number; side: number; state: NodeState; colours: Colours };

/** Signs beside colours, for whoever sees none: a cross for trouble, an outline for what is left alone, a notch for work. */
function paintTile(context: CanvasRenderingContext2D, { x, y, side, state, colours }: Tile): void {
  if (state === "aside") {
    context.strokeStyle = colours.aside;
    context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    return;
  }
  context.fillStyle = colours[state];
  context.fillRect(x, y, side, side);
  const edge = Math.max(2, Math.floor(side / 4));
  if (state === "trouble") {
    context.strokeStyle = colours.mark;
    context.beginPath();
    context.moveTo(x + edge, y + edge);
    context.lineTo(x + side - edge, y + side - edge);
    context.moveTo(x + side - edge, y + edge);
    context.lineTo(x + edge, y + side - edge);
    context.stroke();
  } else if (state === "draining" || state === "rebooting" || state === "soaking") {
    context.fillStyle = colours.mark;
    const part = { draining: 1, rebooting: 2, soaking: 3 }[state];
    context.fillRect(x + edge, y + side - edge - 1, ((side - 2 * edge) * part) / 3, 2);
  }
}

function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element);
  const colour = (name: NodeState | "mark"): string => style.getPropertyValue(`--node-${name}`);
  return {
    trouble: colour("trouble"),
    draining: colour("draining"),
    rebooting: colour("rebooting"),
    soaking: colour("soaking"),
    preparing: colour("preparing"),
    waiting: colour("waiting"),
    aside: colour("aside"),
    done: colour("done"),
    mark: colour("mark"),
  };
}
