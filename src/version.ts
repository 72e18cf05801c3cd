/** The version of the program, from the package that it was built from. */
import manifest from '../package.json' with {type: 'json'};

export const {version} = manifest;
