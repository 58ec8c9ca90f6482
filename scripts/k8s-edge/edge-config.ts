/**
 * The edge's configuration in a cluster: proxy/haproxy.cfg, with servers that come and go instead of a fixed list.
 *
 * A headless Service has an address per pod that is ready. HAProxy asks for them and fills places kept for them, so a pod that
 * drains is given nothing new while its streams go on.
 */
import { render } from '../../proxy/render.ts';
import { defaults } from '../../proxy/settings.ts';

/** Where each kind of pod is found, and for how many there is a place. Places cost a little memory each. */
const pools = {
  gateway: { service: 'smallchange-gateway', places: 200 },
  bucket: { service: 'smallchange-bucket', places: 50 },
} as const;

const PORT = 8080;

/** Gateways and buckets that share an edge pod's connections; with more of them the shares only become a looser bound. */
const EXPECTED = ['pod:1', 'pod:2'];

const settings = {
  ...defaults.haproxy,
  plain: '0.0.0.0:8080',
  tls: '0.0.0.0:8443',
  certificate: '/etc/haproxy/tls/edge.pem',
  health: '0.0.0.0:8081',
  metrics: '0.0.0.0:8082',
  log: 'stdout',
  // Twice as many descriptors, and 5 KB each: what the limits of k8s/base/edge/deployment.yaml are for.
  connections: 20_000,
  // Also the time that a pod's streams are left when it goes: its terminationGracePeriodSeconds is longer.
  reloadS: 120,
  buckets: EXPECTED,
  gateways: EXPECTED,
};

/** With TLS: in clear only the way to it, and a Secret that is renewed is taken up by the HAProxy that runs. */
const ofTls = { httpsOnly: 'on', certificateLua: '/etc/haproxy/conf/certificate.lua', runDir: '/run/edge' };

/** What the environment of the pod may say otherwise (the ConfigMap `smallchange-limits`), and what holds when it does not. */
const variables = {
  CONNECTIONS_PER_IP: String(settings.connectionsPerIp),
  REQUESTS_PER_S: String(settings.requestsPerS),
  BODY_BYTES: String(settings.bodyBytes),
  PROXY_PROTOCOL: settings.proxyProtocol,
} as const;

/** HAProxy has no loop: as many of the list in CORS_ORIGINS are compared. */
const ORIGINS = 8;

/** A full name: HAProxy knows no search list. `cluster.local` is what nearly every cluster calls itself. */
const nameOf = (service: string) => `"${service}.\${NAMESPACE}.svc.cluster.local:${PORT}"`;

/** As many addresses as fit an answer: some 500 pods. */
const resolvers = `
resolvers kube
  parse-resolv-conf
  accepted_payload_size 8192
  # A pod that is gone from the answer gets nothing new after this.
  hold obsolete 2s
  # No answer, or one that is none, says nothing of pods: it must not close the edge, as HAProxy's 30 s would. Checks find those that died.
  hold timeout 1h
  hold refused 1h
  hold other 1h
`;

const words = Object.fromEntries(Object.keys(variables).map((name) => [name, `"\${EDGE_${name}}"`]));

const global = Object.entries(variables).map(([name, value]) => `  presetenv EDGE_${name} ${value}`);

/** Between ' a variable is only letters: it is put beside them. */
const quoted = (line: string) =>
  line.replace(/'[^']*'/g, (text) => text.replaceAll(/"\$\{\w+\}"/g, (word) => `'${word}'`));

/** The template, with lines for both where the PROXY protocol makes them others. */
function rendered(withTls: boolean): string[] {
  const [on, off] = ['on', 'off'].map((proxyProtocol) =>
    render('haproxy', { ...settings, ...(withTls && ofTls), proxyProtocol }, words)
      .split('\n')
      .map(quoted),
  ) as [string[], string[]];
  const lines: string[] = [];
  for (let from = 0; from < off.length; ) {
    let to = from;
    while (to < off.length && on[to] !== off[to]) to++;
    if (to > from) {
      const choice = `.if streq("\${EDGE_PROXY_PROTOCOL}",on)`;
      lines.push(choice, ...on.slice(from, to), '.else', ...off.slice(from, to), '.endif');
    } else lines.push(off[to++]!);
    from = to;
  }
  return lines;
}

/** Lists that are not known before the pod starts. */
const lists: Readonly<Record<string, readonly string[]>> = {
  '  acl is_balancer always_false': [`  acl is_balancer src -m ip -- "\${EDGE_TRUSTED_PROXIES[*]}"`],
  '  acl is_anybody always_false': ['  acl is_anybody env(CORS_ORIGINS) -m str *'],
  '  acl is_known_origin always_false': [
    '  http-request set-var(txn.asking) req.hdr(origin)',
    '  acl is_known_origin env(CORS_ORIGINS) -m str *',
    ...Array.from(
      { length: ORIGINS },
      (_, i) => `  acl is_known_origin "env(CORS_ORIGINS),field(${i + 1},','),ltrim(' '),strcmp(txn.asking)" eq 0`,
    ),
  ],
};

/** What is written where. */
export const edgeFiles = [
  { file: new URL('../../k8s/base/edge/haproxy.cfg', import.meta.url), withTls: false },
  { file: new URL('../../k8s/components/tls/haproxy.cfg', import.meta.url), withTls: true },
] as const;

/** Mounted beside the configuration that names it. */
export const luaFile = {
  file: new URL('../../k8s/components/tls/certificate.lua', import.meta.url),
  of: new URL('../../proxy/certificate.lua', import.meta.url),
} as const;

/** @param withTls Also listens on 8443, with the certificate of the Secret `smallchange-tls`. */
export function edgeConfig({ withTls }: { readonly withTls: boolean }): string {
  const all = rendered(withTls);
  const asked = all.filter((line) => /^ {2}(option httpchk|http-check send .*)$/.test(line)).slice(0, 2);
  const lines = all.flatMap((line) => {
    if (line.startsWith('# Made by'))
      return ['# Made by `npm run k8s:edge` from proxy/haproxy.cfg: change that, not this file.'];
    if (line === 'global') return [line, '  # What the pod is not told otherwise.', ...global];
    if (line in lists) return [line, ...lists[line]!];
    if (!withTls && /^ {2}bind .* ssl /.test(line)) return [];
    const [, pool, number, options] = /^ {2}server (gateway|bucket)(\d+) \S+(.*)$/.exec(line) ?? [];
    if (pool === undefined) return [line];
    if (number !== '1') return [];
    const { service, places } = pools[pool as keyof typeof pools];
    const template = `  server-template ${pool} ${places} ${nameOf(service)} resolvers kube init-addr none`;
    // A place cannot track another backend's place: each may have been given another pod. It checks for itself, and asks the same.
    const checked = options!.replace(/ track \S+/, ' check inter 2s fall 2 rise 1');
    return checked === options ? [template + options] : [...asked, template + checked];
  });
  const whole = lines.join('\n');
  // A template that changed its form is noticed here.
  if (/pod:\d/.test(whole)) throw new Error('proxy/haproxy.cfg names servers in a way that is not known here');
  return whole.replace(/\nfrontend edge\n/, (frontend) => `${resolvers}${frontend}`);
}
