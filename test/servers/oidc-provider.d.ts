/** The part of oidc-provider, which has no types of its own, that the tests use. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  /** A request to a grant. */
  export interface GrantContext {
    readonly oidc: { readonly params: object; readonly client: object };
    body: object;
  }

  interface SavedToken {
    readonly expiration: number;
    save(): Promise<string>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    registerGrantType(name: string, handle: (ctx: GrantContext) => Promise<void>, parameters: readonly string[]): void;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ readonly params: Readonly<Record<string, unknown>> }>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: { readonly mergeWithLastSubmission: boolean },
    ): Promise<void>;
    readonly ClientCredentials: new (from: {
      client: object;
      scope: string;
    }) => SavedToken;
    readonly Grant: new (from: {
      accountId: string;
      clientId: string;
    }) => {
      addOIDCScope(scope: string): void;
      save(): Promise<string>;
    };
  }

  export const errors: { readonly InvalidGrant: new (reason: string) => Error };
}
