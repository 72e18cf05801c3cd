/** Tells people when this replica's clock differs from an API server's by so much that it leaves certificates to other replicas. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {Metrics} from '../metrics.ts';
import {isTooFarOff} from './decision.ts';

export type ClockCheckOptions = {
	readonly clock: Pick<Clock, 'now'>;
	readonly logger: Pick<Logger, 'error' | 'info'>;
	readonly metrics?: Pick<Metrics, 'clockSkew'> | undefined;
};

/** Often enough to be found in the log of the last hour, and no flood. */
const repeatMs = 10 * 60_000;

/**
 * Returns a function to call with every new value of `ApiClient.clockSkewMs`. It returns whether the clock is wrong, sets the
 * metric, and logs each change at once and a clock that stays wrong every ten minutes.
 */
export const createClockCheck = ({clock, logger, metrics}: ClockCheckOptions): ((skewMs: number) => boolean) => {
	let loggedAt = -Infinity;
	let wasWrong = false;
	return skewMs => {
		const isWrong = isTooFarOff(skewMs);
		metrics?.clockSkew.set(skewMs / 1000);
		if (isWrong && (!wasWrong || clock.now() - loggedAt >= repeatMs)) {
			loggedAt = clock.now();
			logger.error({skewSeconds: Math.round(skewMs / 1000)}, `${describeSkew(skewMs)}: this replica leaves the webhook's certificates to other replicas until both agree within five minutes. Synchronize the clocks of this replica's node and of the control plane's nodes`);
		} else if (wasWrong && !isWrong) {
			logger.info('this replica\'s clock agrees with the API server\'s again: it takes part in keeping the webhook\'s certificates');
		}

		wasWrong = isWrong;
		return isWrong;
	};
};

/** The clocks' difference, as the beginning of a sentence. */
export const describeSkew = (skewMs: number): string =>
	`this replica's clock is ${Math.abs(Math.round(skewMs / 1000))} s ${skewMs > 0 ? 'ahead of' : 'behind'} an API server's`;
