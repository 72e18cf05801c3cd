/** Writes what in deploy/ is made from other files there; a test says when it differs from its sources. */
import {copyFile, writeFile} from 'node:fs/promises';
import {chartFiles, installFile, renderInstallFile} from '../harness/rendering.ts';

await writeFile(installFile, await renderInstallFile());
for (const {source, copy} of chartFiles) {
	await copyFile(source, copy);
}
