/** A real OAuth2 server (oidc-provider) on a loopback port, and what it knows of the tokens that it gave out. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type JWK, jwtVerify } from 'jose';
import { errors, type GrantContext, Provider } from 'oidc-provider';
import { freePorts } from '../../src/demo/free-ports.ts';

const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** The client of whole tenants, with its secret; the one of persons, without; the one of either that signs; and the service account. */
export const clients = {
  tenant: 'tenant-app',
  person: 'person-app',
  certified: 'certified-app',
  service: 'robot@project.example.com',
} as const;

/** What a server is made with. */
export interface OAuthServerOptions {
  /** How long access tokens live. */
  readonly tokenSeconds?: number;
  /** Who signs in when a browser comes. */
  readonly user?: string;
  /** The certificate (PEM) with whose key the client `certified` signs. */
  readonly certificate?: string;
}

/** One access token that was given out. */
interface Given {
  readonly grant: string;
  readonly endsAt: number;
}

/** A running server. */
export class OAuthServer {
  readonly tenantSecret = `tenant-secret-${randomBytes(9).toString('hex')}`;
  readonly issuer: string;
  /** Requests to the token endpoint, by grant type, in order; what was sent in them is kept for searches. */
  readonly requests: { readonly grant: string; readonly body: string }[] = [];
  /** Every refresh token that was given out. */
  readonly refreshTokens: string[] = [];
  /** What the token endpoint says instead of giving tokens. */
  refusal: { status: number; body: object | string } | undefined;
  /** Which grants get that; all by default. */
  refuses: (grant: string) => boolean = () => true;
  /** Answers of the token endpoint wait for this. */
  hold: Promise<void> | undefined;
  /** Requests to the token endpoint that were done, whether anybody still waited or not. */
  answered = 0;
  /** Requests that were held are thrown away once they are released. */
  forget = false;
  /** Subjects of the assertions that were taken. */
  readonly subjects: string[] = [];
  readonly #given = new Map<string, Given>();
  readonly #server: Server;
  readonly #options: OAuthServerOptions;

  private constructor(port: number, options: OAuthServerOptions) {
    this.#options = options;
    this.issuer = `http://127.0.0.1:${port}`;
    const provider = this.#provider();
    const answer = provider.callback();
    this.#server = createServer((request, response) => void this.#route(provider, answer, request, response));
  }

  /** Starts one on a free port. */
  static async start(options: OAuthServerOptions = {}): Promise<OAuthServer> {
    const [port] = await freePorts(1);
    const server = new OAuthServer(port!, options);
    await new Promise<void>((done) => server.#server.listen(port, '127.0.0.1', done));
    return server;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  get tokenUrl(): string {
    return `${this.issuer}/token`;
  }

  /** The JSON of the key file of the service account. */
  get serviceKey(): string {
    const key = serviceKeys().privateKey.export({ type: 'pkcs8', format: 'pem' });
    return JSON.stringify({ client_email: clients.service, private_key: key, token_uri: this.tokenUrl });
  }

  /** Whether a mail server has to take this token now. */
  isValid(token: string): boolean {
    return (this.#given.get(token)?.endsAt ?? 0) > Date.now();
  }

  /** Every access token that was given out, in order. */
  get accessTokens(): string[] {
    return [...this.#given.keys()];
  }

  /** This access token ends now. */
  end(token: string): void {
    const given = this.#given.get(token);
    if (given) this.#given.set(token, { ...given, endsAt: 0 });
  }

  /** How many requests of a grant type came. */
  asked(grant: string): number {
    return this.requests.filter((request) => request.grant === grant).length;
  }

  #provider(): Provider {
    const person = {
      client_id: clients.person,
      application_type: 'native' as const,
      token_endpoint_auth_method: 'none' as const,
      grant_types: ['authorization_code', 'refresh_token', deviceCode],
      redirect_uris: ['http://127.0.0.1/'],
    };
    const tenant = {
      client_id: clients.tenant,
      client_secret: this.tenantSecret,
      token_endpoint_auth_method: 'client_secret_post' as const,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    };
    const service = {
      client_id: 'mailhaul-service',
      token_endpoint_auth_method: 'none' as const,
      grant_types: [jwtBearer],
      redirect_uris: [],
      response_types: [],
    };
    const seconds = this.#options.tokenSeconds ?? 3600;
    const provider = new Provider(this.issuer, {
      clients: [person, tenant, service, ...this.#certified()],
      scopes: ['mail', 'offline_access'],
      features: {
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        devInteractions: { enabled: false },
      },
      interactions: { url: (_ctx: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
      findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
      issueRefreshToken: async () => true,
      rotateRefreshToken: true,
      cookies: { keys: ['test'] },
      ttl: { AccessToken: seconds, ClientCredentials: seconds, Grant: 7200, RefreshToken: 7200, Session: 7200 },
    });
    provider.registerGrantType(jwtBearer, (ctx) => this.#assertion(provider, ctx), ['assertion', 'scope']);
    return provider;
  }

  /** A client that signs (RFC 7523 §2.2), where a certificate says with what. */
  #certified() {
    const { certificate } = this.#options;
    if (certificate === undefined) return [];
    return [
      {
        client_id: clients.certified,
        application_type: 'native' as const,
        token_endpoint_auth_method: 'private_key_jwt' as const,
        jwks: { keys: [createPublicKey(certificate).export({ format: 'jwk' }) as JWK & { kty: string }] },
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token', deviceCode],
        redirect_uris: ['http://127.0.0.1/'],
      },
    ];
  }

  /** RFC 7523: the assertion says who asks for whom. */
  async #assertion(provider: Provider, ctx: GrantContext): Promise<void> {
    const { assertion, scope } = ctx.oidc.params as { assertion: string; scope?: string };
    const checks = { issuer: clients.service, audience: this.tokenUrl, requiredClaims: ['sub', 'exp', 'iat'] };
    const key = createPublicKey(serviceKeys().publicKey.export({ type: 'spki', format: 'pem' }));
    const { payload } = await jwtVerify(assertion, key, checks).catch(() => {
      throw new errors.InvalidGrant('the assertion is not that of the service account');
    });
    this.subjects.push(payload.sub!);
    const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope: scope ?? 'mail' });
    const value = await token.save();
    ctx.body = { access_token: value, expires_in: token.expiration, token_type: 'Bearer' };
  }

  async #route(
    provider: Provider,
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (request.url?.startsWith('/interaction/')) return this.#signIn(provider, request, response);
    if (request.url !== '/token') return answer(request, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const sent = new URLSearchParams(body);
    const grant = sent.get('grant_type') ?? '';
    this.requests.push({ grant, body });
    if (this.hold) {
      await this.hold;
      if (this.forget) return void response.destroy();
    }
    if (this.refusal && this.refuses(grant)) {
      const { status, body: said } = this.refusal;
      const text = typeof said === 'string' ? said : JSON.stringify(said);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      return;
    }
    // Google's assertions name no client; this server needs one for each request.
    if (grant === jwtBearer && !sent.has('client_id')) sent.set('client_id', 'mailhaul-service');
    (request as IncomingMessage & { body?: object }).body = Object.fromEntries(sent);
    const end = response.end.bind(response);
    response.end = ((chunk?: unknown, ...rest: never[]) => {
      this.#note(grant, String(chunk ?? ''));
      return end(chunk as never, ...rest);
    }) as ServerResponse['end'];
    await answer(request, response);
    this.answered += 1;
  }

  #note(grant: string, text: string): void {
    const given = JSON.parse(text || '{}') as { access_token?: string; expires_in?: number; refresh_token?: string };
    if (given.access_token === undefined) return;
    this.#given.set(given.access_token, { grant, endsAt: Date.now() + (given.expires_in ?? 0) * 1000 });
    if (given.refresh_token !== undefined) this.refreshTokens.push(given.refresh_token);
  }

  /** Signs the person in and consents to all that is asked, without a page in between. */
  async #signIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const accountId = this.#options.user ?? 'ann@example.com';
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) });
    grant.addOIDCScope(String(params['scope'] ?? 'mail'));
    const result = { login: { accountId }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
}

let made: { privateKey: KeyObject; publicKey: KeyObject } | undefined;

/** The keys of the service account, the same at every server of a process: making them takes longer than most tests. */
function serviceKeys(): { privateKey: KeyObject; publicKey: KeyObject } {
  made ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return made;
}
