/** Mistakes in how clients come in: origins of pages, Ingress, HTTPRoute. Each is planted in an installation that is clean without it, and found. */
import { findsMistakes, partNamed } from '../kit.ts';

findsMistakes('origins', [
  [
    'no origin but our own',
    (p) => {
      delete p.get('ConfigMap', 'smallchange-settings').data.CORS_ORIGINS;
    },
    /Deployment\/smallchange-edge: CORS_ORIGINS is not said/,
  ],
  [
    'servers and edge that differ',
    (p) => {
      p.container('smallchange-edge').env.push({ name: 'CORS_ORIGINS', value: 'https://other.example' });
    },
    /not all who answer a page have the same list/,
  ],
  [
    'more than the edge compares',
    (p) => {
      const origins = Array.from({ length: 9 }, (_, i) => `https://${i}.example`);
      p.get('ConfigMap', 'smallchange-settings').data.CORS_ORIGINS = origins.join();
    },
    /the edge knows the first 8 of them only/,
  ],
]);

findsMistakes(
  'routes, of an Ingress',
  [
    [
      'a Service there is not',
      (p) => {
        p.get('Ingress', 'smallchange').spec.rules[0].http.paths[0].backend.service.name = 'edge';
      },
      /Ingress\/smallchange: there is no Service\/edge/,
    ],
    [
      'a port it does not have',
      (p) => {
        p.get('Ingress', 'smallchange').spec.rules[0].http.paths[0].backend.service.port = { name: 'web' };
      },
      /Service\/smallchange-edge has no port web/,
    ],
    [
      'streams cut after a minute of silence',
      (p) => {
        delete p.get('Ingress', 'smallchange').metadata.annotations['nginx.ingress.kubernetes.io/proxy-read-timeout'];
      },
      /no annotation like .*proxy-read-timeout/,
    ],
    [
      'streams cut before the edge would',
      (p) => {
        p.get('Ingress', 'smallchange').metadata.annotations['haproxy.org/timeout-server'] = '1m';
      },
      /haproxy\.org\/timeout-server is 1m, not over 90 s/,
    ],
    [
      'events that are kept back',
      (p) => {
        p.get('Ingress', 'smallchange').metadata.annotations['nginx.ingress.kubernetes.io/proxy-buffering'] = 'on';
      },
      /proxy-buffering is on, not off/,
    ],
    [
      'all clients as one',
      (p) => {
        delete p.get('ConfigMap', 'smallchange-limits').data.EDGE_TRUSTED_PROXIES;
      },
      /all clients come from the address of what is in front/,
    ],
  ],
  partNamed('overlays/examples/ingress'),
);

findsMistakes(
  'routes, of an HTTPRoute',
  [
    [
      'streams with an end',
      (p) => {
        p.get('HTTPRoute', 'smallchange').spec.rules[0].timeouts.request = '15s';
      },
      /timeouts\.request is 15s, which ends streams/,
    ],
    [
      'the time-out of whoever implements it',
      (p) => {
        delete p.get('HTTPRoute', 'smallchange').spec.rules[0].timeouts;
      },
      /timeouts\.backendRequest is undefined/,
    ],
    [
      'a port there is not',
      (p) => {
        p.get('HTTPRoute', 'smallchange').spec.rules[0].backendRefs[0].port = 8080;
      },
      /HTTPRoute\/smallchange: Service\/smallchange-edge has no port 8080/,
    ],
    [
      'a duration it does not take',
      (p) => {
        p.get('HTTPRoute', 'smallchange').spec.rules[0].timeouts.request = '0';
      },
      /timeouts\/request breaks pattern/,
    ],
    [
      'a field that there is not',
      (p) => {
        p.get('HTTPRoute', 'smallchange').spec.rules[0].timeout = '0s';
      },
      /rules\/0\/timeout is not a field/,
    ],
    [
      'no Gateway',
      (p) => {
        delete p.get('HTTPRoute', 'smallchange').spec.parentRefs;
      },
      /spec breaks required: parentRefs/,
    ],
  ],
  partNamed('overlays/examples/gateway-api'),
);
