/** Mistakes in who is reached by whom, and in what may be taken away at once. Each is planted in an installation that is clean without it, and found. */
import { findsMistakes } from '../kit.ts';

findsMistakes('services', [
  [
    'a Service without pods',
    (p) => {
      p.get('Service', 'smallchange-bucket').spec.selector['app.kubernetes.io/component'] = 'buckets';
    },
    /Service\/smallchange-bucket: selects no pod/,
  ],
  [
    'a port they do not have',
    (p) => {
      p.get('Service', 'smallchange-edge').spec.ports[0].targetPort = 'web';
    },
    /has no port web/,
  ],
  [
    'a port of which nobody knows what is spoken there',
    (p) => {
      delete p.get('Service', 'smallchange-redis').spec.ports[0].appProtocol;
    },
    /smallchange-redis: port 6379 has no appProtocol/,
  ],
  [
    'a monitor of another port',
    (p) => {
      p.get('ServiceMonitor', 'smallchange').spec.endpoints[0].port = 'metrics';
    },
    /has no port metrics/,
  ],
  [
    'a monitor of a port that pods do not have',
    (p) => {
      p.get('PodMonitor', 'smallchange-edge').spec.podMetricsEndpoints[0].port = 'http-metrics';
    },
    /its pods have no port http-metrics/,
  ],
  [
    'a monitor of no pod',
    (p) => {
      p.get('PodMonitor', 'smallchange-edge').spec.selector = { matchLabels: { app: 'x' } };
    },
    /PodMonitor\/smallchange-edge: selects no pod/,
  ],
  [
    'a monitor of nobody',
    (p) => {
      p.get('ServiceMonitor', 'smallchange').spec.selector = { matchLabels: { app: 'x' } };
    },
    /selects no Service/,
  ],
]);

findsMistakes('watched', [
  [
    'the figures of the edge on its Service',
    (p) => {
      p.get('Service', 'smallchange-edge').spec.ports.push({ name: 'metrics', port: 8082, targetPort: 'metrics' });
    },
    /Service\/smallchange-edge leads to port metrics/,
  ],
  [
    'a policy that lets everybody see them',
    (p) => {
      delete p.get('NetworkPolicy', 'smallchange-edge-metrics').spec.ingress[0].from;
    },
    /smallchange-edge-metrics lets everybody reach port metrics/,
  ],
  [
    "operators' paths open to all",
    (p) => {
      delete p.get('NetworkPolicy', 'smallchange-metrics').spec.ingress[0].from;
    },
    /smallchange-metrics lets everybody reach port admin/,
  ],
  [
    'a role that no monitor finds',
    (p) => {
      p.get('Service', 'smallchange-merger').metadata.labels['app.kubernetes.io/component'] = 'mergers';
    },
    /Deployment\/smallchange-merger: no ServiceMonitor finds it/,
  ],
  [
    'a monitoring that is not let in',
    (p) => {
      p.get('NetworkPolicy', 'smallchange-metrics').spec.podSelector.matchExpressions[0].values.shift();
    },
    /Deployment\/smallchange-gateway: the monitoring does not reach port admin/,
  ],
]);

findsMistakes('network', [
  [
    'nothing denied',
    (p) => {
      p.remove('NetworkPolicy', 'smallchange-default-deny');
    },
    /no NetworkPolicy denies all/,
  ],
  [
    'the edge at Redis',
    (p) => {
      p.get('NetworkPolicy', 'smallchange-redis').spec.ingress[0].from[0].podSelector.matchExpressions[0].values.push(
        'edge',
      );
    },
    /StatefulSet\/smallchange-redis: edge reaches/,
  ],
  [
    'a role cut off from it',
    (p) => {
      const [{ values }] = p.get('NetworkPolicy', 'smallchange-redis').spec.ingress[0].from[0].podSelector
        .matchExpressions;
      values.splice(values.indexOf('merger'), 1);
    },
    /merger does not reach/,
  ],
  [
    'gateways open to all',
    (p) => {
      delete p.get('NetworkPolicy', 'smallchange-serving').spec.ingress[0].from;
    },
    /others than edge reach port http/,
  ],
  [
    'a policy about nobody',
    (p) => {
      p.get('NetworkPolicy', 'smallchange-edge').spec.podSelector.matchLabels.x = 'y';
    },
    /smallchange-edge: is about no pod/,
  ],
  [
    'a port nobody has',
    (p) => {
      p.get('NetworkPolicy', 'smallchange-metrics').spec.ingress[0].ports[0].port = 'metrics';
    },
    /has the port metrics/,
  ],
]);

findsMistakes('disruption', [
  [
    'a budget of nobody',
    (p) => {
      p.get('PodDisruptionBudget', 'smallchange-gateway').spec.selector.matchLabels['app.kubernetes.io/component'] =
        'gate';
    },
    /not about exactly one/,
  ],
  [
    'a Deployment without',
    (p) => {
      p.remove('PodDisruptionBudget', 'smallchange-bucket');
    },
    /smallchange-bucket: no PodDisruptionBudget/,
  ],
  [
    'one that lets none go',
    (p) => {
      p.get('PodDisruptionBudget', 'smallchange-edge').spec.maxUnavailable = 0;
    },
    /ever be emptied/,
  ],
]);
