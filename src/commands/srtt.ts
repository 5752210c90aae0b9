import type { Recording } from '../aggregate/recording.js';
import { Failure } from '../failure.js';
import { AS_RECORDED, OF_OUR_OWN, type SrttUnit } from '../stream/srtt.js';

/** The unit in which srtt is drawn: samples of both kinds share one axis. */
export function unitOf(
  { samples }: Recording,
  { srttUnit }: { readonly srttUnit?: SrttUnit },
): SrttUnit {
  const unit = samples.tcpProbe > 0 ? (srttUnit ?? AS_RECORDED) : OF_OUR_OWN;
  if (samples.own > 0 && unit !== OF_OUR_OWN) {
    throw new Failure(
      'it holds samples in microseconds and lines of tcp_probe: both are drawn only with --srtt-unit us, if that is their unit too',
    );
  }
  return unit;
}
