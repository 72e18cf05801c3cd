/** `npm run render`: writes the files of deploy/ that are generated from other files there. Tests fail if one is out of date. */
import {copyFile, writeFile} from 'node:fs/promises';
import {chartFiles, installFile, renderInstallFile} from '../harness/rendering.ts';

await writeFile(installFile, await renderInstallFile());
for (const {source, copy} of chartFiles) {
	await copyFile(source, copy);
}
