/** Holds answers of the API against docs/openapi.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/ground/package-root.ts';

/** One operation of the document, as far as the tests look at it. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>>;
}

/** The document, as far as the tests look at it. */
export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The document as it is written down. */
export const writtenDocument = JSON.parse(
  readFileSync(join(packageRoot(), 'docs', 'openapi.json'), 'utf8'),
) as ApiDocument;

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(writtenDocument, 'api');
const validators = new Map<string, ValidateFunction>();

/** The path as the document has it: of two that match, the one with fewer names to be filled in. */
export function documentedPath(method: string, path: string): string | undefined {
  const plain = path.split('?')[0]!;
  const fits = (template: string) =>
    new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(plain);
  const found = Object.keys(writtenDocument.paths).filter(
    (template) => fits(template) && writtenDocument.paths[template]![method.toLowerCase()],
  );
  return found.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

/** What is wrong with an answer; empty where it is as documented, or the document has no such route. */
export function faultsOf(method: string, path: string, status: number, type: string, text: string): string {
  const template = documentedPath(method, path);
  if (template === undefined) return '';
  const { responses } = writtenDocument.paths[template]![method.toLowerCase()]!;
  const answer = responses[status] ? String(status) : 'default';
  if (status < 400 && answer === 'default') return `${method} ${template} answers ${status}, which is not documented`;
  const media = type.split(';')[0]!;
  if (!responses[answer]!.content?.[media]) return `${method} ${template} answers ${status} as ${media}`;
  if (media !== 'application/json') return '';
  const place = [template, method.toLowerCase(), 'responses', answer, 'content', media, 'schema'];
  const validate = validatorAt(place);
  if (validate(JSON.parse(text))) return '';
  return `${method} ${template} answers ${status} otherwise than documented: ${ajv.errorsText(validate.errors)}`;
}

/** What is wrong with the body of a POST; empty where nothing is. */
export function bodyFaults(template: string, body: unknown): string {
  const validate = validatorAt([template, 'post', 'requestBody', 'content', 'application/json', 'schema']);
  return validate(body) ? '' : ajv.errorsText(validate.errors);
}

/** The schema at this place below `paths`. */
function validatorAt(place: readonly string[]): ValidateFunction {
  const pointer = place.map((part) => encodeURIComponent(part.replace(/~/g, '~0').replace(/\//g, '~1')));
  const $ref = `api#/paths/${pointer.join('/')}`;
  const validate = validators.get($ref) ?? ajv.compile({ $ref });
  validators.set($ref, validate);
  return validate;
}
