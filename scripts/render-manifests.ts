/** Writes deploy/install.yaml; a test says when it differs from its sources. */
import {writeFile} from 'node:fs/promises';
import {installFile, renderInstallFile} from './manifests.ts';

await writeFile(installFile, await renderInstallFile());
