/** Reading what may not be there. */
import {ApiError} from '../errors.ts';
import type {ApiClient} from './api-client.ts';

/** Undefined where there is no such object. Throws like any request. */
export const getIfExists = async <T>(api: Pick<ApiClient, 'get'>, path: string, signal: AbortSignal): Promise<T | undefined> => {
	try {
		return await api.get<T>(path, {signal});
	} catch (error) {
		if (error instanceof ApiError && error.status === 404) {
			return undefined;
		}

		throw error;
	}
};
