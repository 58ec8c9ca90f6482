/** A token for an hour, without a package: `JWT_SECRET=… node examples/token.mjs alice '{"publish":["room.42"],"subscribe":["room.*"]}'` */
import { createHmac } from 'node:crypto';

const [sub = 'alice', grant = '{"publish":["demo"],"subscribe":["demo"]}'] = process.argv.slice(2);
const nowS = Math.floor(Date.now() / 1000);
const claims = { sub, iat: nowS, exp: nowS + 3600, smallchange: JSON.parse(grant) };
if (process.env.JWT_ISSUER) claims.iss = process.env.JWT_ISSUER;
if (process.env.JWT_AUDIENCE) claims.aud = process.env.JWT_AUDIENCE;
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
console.log(`${input}.${createHmac('sha256', process.env.JWT_SECRET).update(input).digest('base64url')}`);
