/** HTTPRoute of the Gateway API, standard channel, v1 (gateway-api.sigs.k8s.io, "API specification"). */
import type { Shape } from './shape.ts';

/** GEP-2257: hours, minutes, seconds and milliseconds, each a whole number. */
const duration = /^(\d{1,5}(h|m|s|ms)){1,4}$/;

/** Kubernetes names: of objects, sections and hosts. */
const name = /^[a-z0-9*]([-a-z0-9.]*[a-z0-9])?$/;

export const httpRoute: Shape = {
  fields: {
    apiVersion: 'string',
    kind: 'string',
    metadata: 'anything',
    spec: {
      fields: {
        parentRefs: {
          list: {
            fields: { group: 'string', kind: 'string', namespace: name, name, sectionName: name, port: 'integer' },
            required: ['name'],
          },
        },
        hostnames: { list: name },
        rules: {
          list: {
            fields: {
              name,
              matches: {
                list: {
                  fields: {
                    path: { fields: { type: /^(Exact|PathPrefix|RegularExpression)$/, value: /^\// } },
                    method: 'string',
                  },
                },
              },
              timeouts: { fields: { request: duration, backendRequest: duration } },
              backendRefs: {
                list: {
                  fields: {
                    group: 'string',
                    kind: 'string',
                    name,
                    namespace: name,
                    port: 'integer',
                    weight: 'integer',
                  },
                  required: ['name'],
                },
              },
            },
          },
        },
      },
      required: ['parentRefs', 'rules'],
    },
  },
  required: ['spec'],
};
