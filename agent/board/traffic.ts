import type { DeviceReport, LinkReceiver, LinkSender } from '../../broker/index.ts';
import type { LossLedger } from '../runtime/codecs.ts';

type StepReport = Extract<DeviceReport, { kind: 'step' }>;

/** Bytes on the wire and how long links were busy with them, as a step's report tells it: of all links, and of each that leads away from this board. */
export type Traffic = Pick<StepReport, 'bytesSent' | 'bytesReceived' | 'links'>;

/** What has gone over a stage's links since they were opened. */
export function trafficOf(links: readonly (LinkSender | LinkReceiver)[]): Traffic {
  const sum = (bytes: readonly number[]) => bytes.reduce((total, each) => total + each, 0);
  return {
    bytesSent: sum(links.map(({ stats }) => stats.bytesSent)),
    bytesReceived: sum(links.map(({ stats }) => stats.bytesReceived)),
    links: links
      .filter(isSender)
      .map(({ to, stats }) => ({ to, bytes: stats.bytesSent, busySeconds: stats.busySeconds })),
  };
}

/** @param before of the same links, at an earlier time */
export function trafficSince(before: Traffic, now: Traffic): Traffic {
  return {
    bytesSent: now.bytesSent - before.bytesSent,
    bytesReceived: now.bytesReceived - before.bytesReceived,
    links: now.links.map(({ to, bytes, busySeconds = 0 }, index) => {
      const earlier = before.links[index]!;
      return { to, bytes: bytes - earlier.bytes, busySeconds: busySeconds - (earlier.busySeconds ?? 0) };
    }),
  };
}

/** With what encoding lost on each link, where anything was encoded. */
export function withLosses(traffic: Traffic, losses: LossLedger['found']): Traffic {
  return { ...traffic, links: traffic.links.map((link) => ({ ...link, ...losses.get(link.to) })) };
}

export function isSender(link: LinkSender | LinkReceiver): link is LinkSender {
  return 'send' in link;
}
