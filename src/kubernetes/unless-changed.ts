/** A compare-and-swap that may lose. */
import {ApiError} from '../errors.ts';

/** Undefined where somebody else has changed the object meanwhile, or removed it. */
export const unlessChanged = async <T>(write: () => Promise<T>): Promise<T | undefined> => {
	try {
		return await write();
	} catch (error) {
		if (error instanceof ApiError && (error.status === 409 || error.status === 404)) {
			return undefined;
		}

		throw error;
	}
};
