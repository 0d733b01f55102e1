// An authorisation server for tests, on loopback. Its users consent without being asked:
// `login_hint` says how (deny: they refuse; partial: they leave out the last scope).
//
// Arguments: the lives of an access token, a code and a refresh token in seconds, and for how
// long a refresh token that was used may be used again (0: once, and its grant is gone).
// Writes its port as one line when it listens.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

const [accessTokenS, codeS, refreshTokenS, graceS] = process.argv.slice(2).map(Number);
const SCOPES = ['items', 'people'];
const SECRET = 'a secret, with + and % in it';

const client = (method) => ({
  client_id: `client ${method}`,
  ...(method === 'none' ? {} : { client_secret: SECRET }),
  token_endpoint_auth_method: method,
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1/callback'],
  scope: SCOPES.join(' '),
});

const memory = createMemoryAdapter();

// A server that forgives a client which lost its answer lets a used token be used for a while.
function adapter(model) {
  const kept = memory(model);
  const find = kept.find.bind(kept);
  kept.find = async (id) => {
    const payload = await find(id);
    const isRecent = payload?.consumed && Date.now() / 1000 - payload.consumed < graceS;
    return isRecent ? { ...payload, consumed: undefined } : payload;
  };
  return kept;
}

const http = createServer();
await new Promise((done) => { http.listen(0, '127.0.0.1', done); });
const issuer = `http://127.0.0.1:${http.address().port}`;

const provider = new Provider(issuer, {
  adapter,
  clients: ['client_secret_basic', 'client_secret_post', 'none'].map(client),
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  expiresWithSession: () => false, // a grant outlives the user's visit
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/consent/${interaction.uid}` },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: SCOPES,
  ttl: {
    AccessToken: accessTokenS,
    AuthorizationCode: codeS,
    RefreshToken: refreshTokenS,
    Grant: refreshTokenS,
    Interaction: 60,
    Session: 60,
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/consent/')) {
    await next();
    return;
  }
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  await provider.interactionFinished(ctx.req, ctx.res, await answer(params));
});

async function answer(params) {
  if (params.login_hint === 'deny') {
    return { error: 'access_denied', error_description: 'the user said no' };
  }
  const grant = new provider.Grant({ accountId: 'ann', clientId: params.client_id });
  const asked = params.scope.split(' ');
  const left = params.login_hint === 'partial' ? asked.slice(0, -1) : asked;
  grant.addOIDCScope(left.join(' '));
  grant.rejectOIDCScope(asked.filter((scope) => !left.includes(scope)).join(' '));
  return { login: { accountId: 'ann' }, consent: { grantId: await grant.save() } };
}

http.on('request', provider.callback());
process.stdout.write(`${http.address().port}\n`);
