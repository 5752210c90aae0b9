import { OUTCOMES, refused } from '../stream/counters.js';
import { count, percent, seconds, whole } from '../terminal/text.js';
import { type Assets, type Headline, pageOf } from './page.js';
import { type Context, timeWords } from './section.js';
import { connectionsSection } from './sections/connections.js';
import { closesSection, dropsSection } from './sections/groups.js';
import { halfOpenSection } from './sections/halfopen.js';
import { handshakeSection } from './sections/handshake.js';
import { lossesSection } from './sections/losses.js';
import { originSection } from './sections/origin.js';
import { refusalsSection } from './sections/refusals.js';
import { verdictSection } from './sections/verdict.js';
import { HORIZON } from './series.js';

const SECTIONS = [
  verdictSection,
  halfOpenSection,
  refusalsSection,
  handshakeSection,
  connectionsSection,
  dropsSection,
  closesSection,
  originSection,
  lossesSection,
] as const;

/** Make one self-contained page of HTML from a capture. */
export function makePage(context: Context, title: string, assets: Assets): string {
  const { first, last, recording } = context.findings;
  const { clock } = recording;
  return pageOf(
    {
      title,
      subtitle: `${timeWords(clock, first)} to ${timeWords(clock, last)}, ${seconds(last - first)}`,
      headlines: headlinesOf(context),
      sections: SECTIONS.map((section) => section(context)),
      start: clock.date(HORIZON) === null ? null : clock.start,
    },
    assets,
  );
}

/** Return the most important figures. */
function headlinesOf({ findings }: Context): Headline[] {
  const { growths, ledger, drops, closes, recording, problems } = findings;
  const { totals } = growths;
  const ended = OUTCOMES.reduce((sum, outcome) => sum + (totals[outcome] ?? 0), 0);
  const lost = ledger.accounts().reduce((sum, account) => sum + account.lost, 0);
  const turnedAway = refused(totals) ?? 0;
  const { samples, connections } = recording;
  const number = (value: number) => whole(value, true);
  const some = (name: string, value: number) =>
    value === 0 ? [] : [{ name, value: number(value) }];
  return [
    ...(growths.session.counts === 0
      ? []
      : [
          { name: 'half-open at most', value: number(growths.session.peak) },
          { name: 'ended', value: number(ended) },
          ...(ended === 0
            ? []
            : [{ name: 'of those completed', value: percent((totals.completed ?? 0) / ended) }]),
          { name: 'SYNs refused', value: number(turnedAway), warn: turnedAway > 0 },
        ]),
    ...some(
      'connections sampled',
      samples.own + samples.tcpProbe === 0 ? 0 : connections.size + connections.forgotten,
    ),
    ...some('drops', drops.total),
    ...some('closes', closes.total),
    { name: 'records lost', value: number(lost), warn: lost > 0 },
    ...(problems.count === 0
      ? []
      : [{ name: 'unreadable', value: count(problems.count, 'line'), warn: true }]),
  ];
}
