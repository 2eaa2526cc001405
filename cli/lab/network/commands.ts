import { macOf, namespacePath, PREFIX_BITS } from './addresses.ts';
import { burstBytes, needsDelay, QUEUE_MILLISECONDS, segmentBytes, type Wire } from './wire.ts';

/** Lines for one run of `ip -batch` or `tc -batch`, in a namespace or outside of all. */
export interface Batch {
  readonly tool: 'ip' | 'tc';
  readonly namespace?: string;
  readonly lines: readonly string[];
}

/** A machine of the lab's network. */
export interface Station {
  readonly namespace: string;
  readonly address: string;
  /** One direction; the other is the same. */
  readonly wire: Wire;
}

/** A port of the relay; see relay.py. */
export interface RelayPort {
  readonly namespace: string;
  readonly device: string;
  readonly mac: string;
  readonly delaySeconds: number;
  readonly loss: number;
  readonly bytesPerSecond: number | null;
}

/** The device of each station; a namespace has names of its own. */
const DEVICE = 'eth0';
const BRIDGE = 'br0';
const MOST_QUEUED_FRAMES = 20_000;

export function makeNamespaces(stations: readonly Station[]): Batch {
  return { tool: 'ip', lines: stations.map(({ namespace }) => `netns add ${namespace}`) };
}

/** All stations on a bridge in the hub's namespace, each by a veth pair; delay by netem. */
export function bridgeBatches(hub: Station, boards: readonly Station[]): readonly Batch[] {
  const port = (index: number) => `port${index + 1}`;
  return [
    {
      tool: 'ip',
      namespace: hub.namespace,
      lines: [
        `link add ${BRIDGE} address ${macOf(hub.address)} type bridge`,
        ...boards.flatMap(({ namespace, address }, index) => [
          `link add ${port(index)} type veth peer name ${DEVICE} address ${macOf(address)} netns ${namespace}`,
          `link set ${port(index)} master ${BRIDGE} up`,
        ]),
        ...upLines(hub, BRIDGE),
      ],
    },
    { tool: 'tc', namespace: hub.namespace, lines: boards.flatMap(({ wire }, index) => wireLines(port(index), wire)) },
    ...boards.flatMap((board) => stationBatches(board, wireLines(DEVICE, board.wire))),
  ].filter(({ lines }) => lines.length > 0) as readonly Batch[];
}

/** Each station with a TAP device, between which the relay is the switch; rates up by tbf, the rest by the relay. */
export function relayBatches(stations: readonly Station[]): readonly Batch[] {
  return stations.flatMap((station) => [
    {
      tool: 'ip' as const,
      namespace: station.namespace,
      lines: [`tuntap add dev ${DEVICE} mode tap vnet_hdr`, `link set ${DEVICE} address ${macOf(station.address)}`],
    },
    ...stationBatches(station, rateLines(DEVICE, station.wire)),
  ]);
}

export function relayPorts(stations: readonly Station[]): readonly RelayPort[] {
  return stations.map(({ namespace, address, wire: { delaySeconds, loss, bytesPerSecond = null } }) => ({
    namespace: namespacePath(namespace),
    device: DEVICE,
    mac: macOf(address),
    delaySeconds,
    loss,
    bytesPerSecond,
  }));
}

function stationBatches(station: Station, wire: readonly string[]): readonly Batch[] {
  const { namespace } = station;
  const segment = `link set ${DEVICE} gso_max_size ${segmentBytes(station.wire)}`;
  const batches: readonly Batch[] = [
    { tool: 'ip', namespace, lines: [segment, ...upLines(station, DEVICE)] },
    { tool: 'tc', namespace, lines: wire },
  ];
  return batches.filter(({ lines }) => lines.length > 0);
}

function upLines({ address }: Station, device: string): readonly string[] {
  return [`address add ${address}/${PREFIX_BITS} dev ${device}`, 'link set lo up', `link set ${device} up`];
}

/** One direction of a wire: what leaves by `device`. First the delay, then the rate, as on a long cable's near end. */
function wireLines(device: string, wire: Wire): readonly string[] {
  if (!needsDelay(wire)) return rateLines(device, wire);
  const parent = wire.bytesPerSecond === undefined ? 'root' : 'parent 1:1';
  const { delaySeconds, loss } = wire;
  const netem = `delay ${Math.round(delaySeconds * 1e6)}us loss ${Number((100 * loss).toPrecision(6))}%`;
  return [
    ...rateLines(device, wire),
    `qdisc add dev ${device} ${parent} handle 10: netem limit ${MOST_QUEUED_FRAMES} ${netem}`,
  ];
}

function rateLines(device: string, { bytesPerSecond }: Wire): readonly string[] {
  if (bytesPerSecond === undefined) return [];
  const bucket = `rate ${Math.round(8 * bytesPerSecond)}bit burst ${burstBytes(bytesPerSecond)}`;
  return [`qdisc add dev ${device} root handle 1: tbf ${bucket} latency ${QUEUE_MILLISECONDS}ms`];
}
