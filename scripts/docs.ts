/** npm run docs: writes the pages of docs/ that are made from the code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/ground/package-root.ts';
import { apiDocument } from './api-document.ts';
import { errorsPage, settingsPage } from './docs-pages.ts';
import { providersPage } from './providers-page.ts';

const docs = join(packageRoot(), 'docs');
writeFileSync(join(docs, 'settings.md'), settingsPage());
writeFileSync(join(docs, 'errors.md'), errorsPage());
writeFileSync(join(docs, 'providers.md'), providersPage());
writeFileSync(join(docs, 'openapi.json'), await apiDocument());
