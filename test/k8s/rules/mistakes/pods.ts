/** Mistakes in what runs: its form, its limits and probes, its rights, its end. Each is planted in an installation that is clean without it, and found. */
import { findsMistakes } from '../kit.ts';

findsMistakes('schemas', [
  [
    'a field that there is not',
    (p) => {
      p.container('smallchange-gateway').readinesProbe = {};
    },
    /containers\/0\/readinesProbe is not a field/,
  ],
  [
    'one deep within',
    (p) => {
      p.container('smallchange-bucket').livenessProbe.httpGet.prot = 1;
    },
    /httpGet\/prot is not a field/,
  ],
  [
    'one of an operator',
    (p) => {
      p.get('ServiceMonitor', 'smallchange').spec.endpoints[0].intervall = '1s';
    },
    /endpoints\/0\/intervall is not a field/,
  ],
  [
    'a field of another type',
    (p) => {
      p.get('Deployment', 'smallchange-edge').spec.minReadySeconds = '30';
    },
    /minReadySeconds breaks type/,
  ],
  [
    'a field that is missing',
    (p) => {
      delete p.get('Deployment', 'smallchange-edge').spec.selector;
    },
    /breaks required: selector/,
  ],
  [
    'a kind nobody knows',
    (p) => {
      p.get('Deployment', 'smallchange-edge').kind = 'Deploiment';
    },
    /Deploiment has no schema/,
  ],
]);

findsMistakes('containers', [
  [
    'no memory limit',
    (p) => {
      delete p.container('smallchange-merger').resources.limits.memory;
    },
    /no limit of memory/,
  ],
  [
    'no CPU request',
    (p) => {
      delete p.container('smallchange-merger').resources.requests.cpu;
    },
    /no request of cpu/,
  ],
  [
    'a request above its limit',
    (p) => {
      p.container('smallchange-bucket').resources.requests.memory = '1Gi';
    },
    /request of memory is above/,
  ],
  [
    'a tag that moves',
    (p) => {
      p.container('smallchange-gateway').image = 'smallchange:latest';
    },
    /names no version/,
  ],
  [
    'no tag',
    (p) => {
      p.container('smallchange-edge').image = 'haproxy';
    },
    /has no tag/,
  ],
  [
    'a digest that is none',
    (p) => {
      p.container('smallchange-gateway').image = 'smallchange@sha256:0123';
    },
    /the digest of smallchange@sha256:0123 is none/,
  ],
  [
    'a pull that the tag decides',
    (p) => {
      delete p.container('smallchange-merger').imagePullPolicy;
    },
    /no imagePullPolicy/,
  ],
  [
    'no livenessProbe',
    (p) => {
      delete p.container('smallchange-gateway').livenessProbe;
    },
    /no livenessProbe/,
  ],
  [
    'no readinessProbe',
    (p) => {
      delete p.container('smallchange-edge').readinessProbe;
    },
    /no readinessProbe/,
  ],
  [
    'a probe of another port',
    (p) => {
      p.container('smallchange-edge').livenessProbe.httpGet.port = 'htpp';
    },
    /asks port htpp/,
  ],
  [
    'a life that depends on readiness',
    (p) => {
      p.container('smallchange-bucket').livenessProbe.httpGet.path = '/readyz';
    },
    /only \/healthz/,
  ],
]);

findsMistakes('security', [
  [
    'root',
    (p) => {
      p.pod('Deployment', 'smallchange-gateway').securityContext.runAsNonRoot = false;
    },
    /runAsNonRoot/,
  ],
  [
    'service links',
    (p) => {
      delete p.pod('Deployment', 'smallchange-bucket').enableServiceLinks;
    },
    /enableServiceLinks/,
  ],
  [
    'a writable root',
    (p) => {
      p.container('smallchange-merger').securityContext.readOnlyRootFilesystem = false;
    },
    /readOnlyRootFilesystem/,
  ],
  [
    'capabilities',
    (p) => {
      delete p.container('smallchange-edge').securityContext.capabilities;
    },
    /ALL are not dropped/,
  ],
  [
    'no seccomp profile',
    (p) => {
      delete p.pod('StatefulSet', 'smallchange-redis').securityContext.seccompProfile;
    },
    /seccompProfile/,
  ],
  [
    'a namespace that takes any pod',
    (p) => {
      p.get('Namespace', 'smallchange').metadata.labels = {};
    },
    /does not enforce/,
  ],
]);

findsMistakes('shutdown', [
  [
    'a grace too short',
    (p) => {
      p.pod('Deployment', 'smallchange-gateway').terminationGracePeriodSeconds = 60;
    },
    /is 60, and preStop, DRAIN_MS and 5 s are 75/,
  ],
  [
    'a longer drain',
    (p) => {
      p.get('ConfigMap', 'smallchange-gateway').data.DRAIN_MS = '120000';
    },
    /are 135/,
  ],
  [
    'no grace at all',
    (p) => {
      delete p.pod('Deployment', 'smallchange-merger').terminationGracePeriodSeconds;
    },
    /is 30, and/,
  ],
  [
    'no preStop',
    (p) => {
      delete p.container('smallchange-bucket').lifecycle;
    },
    /no preStop/,
  ],
]);
