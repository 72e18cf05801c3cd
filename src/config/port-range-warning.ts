/** Whether Pods may get numbers that Kubernetes or Linux gives to others too. Pure. */
import {clipRanges, countNumbers, formatPortRange} from '../ports/port-range.ts';
import type {AllowedRange, PortRange} from '../ports/port-range.ts';

/** The default of Linux' `net.ipv4.ip_local_port_range`. */
const ephemeralPorts = {first: 32_768, last: 60_999};

/**
 * A line for the log if the ranges share numbers with the NodePorts or the ephemeral ports; undefined if they don't.
 *
 * @param nodePorts from which Services get NodePorts.
 */
export const warningAboutRanges = (ranges: readonly AllowedRange[], nodePorts: readonly PortRange[]): string | undefined => {
	const shared = [
		...nodePorts.filter(range => sharesNumbers(ranges, range)).map(range => `${formatPortRange(range)}, from which Services get NodePorts (kube-proxy then takes the traffic of such a number on every node)`),
		...(sharesNumbers(ranges, ephemeralPorts) ? [`${formatPortRange(ephemeralPorts)}, from which Linux takes ports for outgoing connections (a program may then not be able to listen)`] : []),
	];
	return shared.length === 0
		? undefined
		: `Pods may get numbers of ${shared.join(', and of ')}: choose a --port-range outside of that, add it to --exclude-ports, or move it away (docs/install.md, "Which numbers are given")`;
};

const sharesNumbers = (ranges: readonly AllowedRange[], bounds: PortRange): boolean =>
	countNumbers(clipRanges(ranges, bounds)) > countNumbers(clipRanges(ranges.flatMap(({excluded = []}) => excluded), bounds));
