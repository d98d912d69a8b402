// Fulcio, Rekor (both generations) and a timestamp authority for the real cosign, with sigstore's own mocks behind them.
//
//     node services.mjs DIRECTORY
//
// Writes DIRECTORY/trusted_root.json, DIRECTORY/signing_config_v1.json and DIRECTORY/signing_config_v2.json, prints its
// address, and serves until it is killed.
import { createServer } from 'node:http';
import { createHash, generateKeyPairSync, randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const mock = require('@sigstore/mock');
const pkijs = require('pkijs');
const asn1js = require('asn1js');

const directory = process.argv[2];
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const b64 = (it) => Buffer.from(it).toString('base64');
const sha256 = (it) => createHash('sha256').update(it).digest();

const ctlog = await mock.initializeCTLog(pair());
const ca = await mock.initializeCA(pair(), ctlog);
const tlog = await mock.initializeTLog('https://rekor.example.com', pair());
const tlog2 = await mock.initializeTLog('https://log2.example.com', pair());
const tsa = await mock.initializeTSA(pair());
const fulcio = mock.fulcioHandler(ca, { strict: true }).fn;

const validFor = { start: '2026-01-01T00:00:00Z' };
const log = (baseUrl, key) => ({
  baseUrl, hashAlgorithm: 'SHA2_256',
  publicKey: { rawBytes: b64(key), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
  logId: { keyId: b64(sha256(key)) },
});
const authority = (uri, commonName, certificates) => ({
  subject: { organization: 'example', commonName }, uri,
  certChain: { certificates: certificates.map((it) => ({ rawBytes: b64(it) })) }, validFor,
});

// What Rekor keeps of what is proposed.
const canonical = ({ apiVersion, kind, spec }) => {
  if (kind === 'hashedrekord') return { apiVersion, kind, spec };
  const envelope = JSON.parse(kind === 'dsse' ? spec.proposedContent.envelope : '{}');
  if (kind === 'dsse') {
    const verifiers = spec.proposedContent.verifiers;
    return { apiVersion, kind, spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(spec.proposedContent.envelope).toString('hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(envelope.payload, 'base64')).toString('hex') },
      signatures: envelope.signatures.map((it, at) => ({ signature: it.sig, verifier: verifiers[at] })),
    } };
  }
  if (kind === 'intoto') {
    const { content } = spec;
    return { apiVersion, kind, spec: { content: {
      envelope: { payloadType: content.envelope.payloadType,
        signatures: content.envelope.signatures.map(({ publicKey, sig }) => ({ publicKey, sig })) },
      hash: content.hash,
      payloadHash: { algorithm: 'sha256',
        value: sha256(Buffer.from(Buffer.from(content.envelope.payload, 'base64').toString(), 'base64')).toString('hex') },
    } } };
  }
  throw new Error(`kind ${kind}`);
};

const canonicalV2 = (request) => {
  const verifier = (it) => it.x509Certificate
    ? { keyDetails: it.keyDetails, x509Certificate: it.x509Certificate }
    : { keyDetails: it.keyDetails, publicKey: it.publicKey };
  if (request.hashedRekordRequestV002) {
    const { digest, signature } = request.hashedRekordRequestV002;
    return { apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002: {
      data: { algorithm: 'SHA2_256', digest },
      signature: { content: signature.content, verifier: verifier(signature.verifier) } } } };
  }
  const { envelope, verifiers } = request.dsseRequestV002;
  return { apiVersion: '0.0.2', kind: 'dsse', spec: { dsseV002: {
    payloadHash: { algorithm: 'SHA2_256', digest: b64(sha256(Buffer.from(envelope.payload, 'base64'))) },
    signatures: envelope.signatures.map((it, at) => ({ content: it.sig, verifier: verifier(verifiers[at]) })) } } };
};

const answers = {
  '/api/v2/signingCert': async (body, request) => {
    // Cosign sends its token as a header, and the request for a certificate in PEM, in base64.
    const json = JSON.parse(body);
    json.credentials ??= { oidcIdentityToken: (request.headers.authorization ?? '').replace(/^Bearer /, '') };
    if (json.certificateSigningRequest) {
      json.certificateSigningRequest = Buffer.from(json.certificateSigningRequest, 'base64').toString();
    }
    const made = await fulcio(JSON.stringify(json));
    return [made.statusCode === 201 ? 200 : made.statusCode, 'application/json', made.response];
  },
  '/api/v1/log/entries': async (body) => {
    const made = await tlog.log(canonical(JSON.parse(body)));
    return [201, 'application/json', JSON.stringify(made), { etag: Object.keys(made)[0] }];
  },
  '/api/v2/log/entries': async (body) => {
    const entry = canonicalV2(JSON.parse(body));
    const [made] = Object.values(await tlog2.log(entry));
    const proof = made.verification.inclusionProof;
    return [201, 'application/json', JSON.stringify({
      logIndex: '0', logId: { keyId: b64(Buffer.from(made.logID, 'hex')) },
      kindVersion: { kind: entry.kind, version: '0.0.2' }, integratedTime: '0',
      inclusionProof: { logIndex: '0', rootHash: b64(Buffer.from(proof.rootHash, 'hex')), treeSize: '1', hashes: [],
        checkpoint: { envelope: proof.checkpoint } },
      canonicalizedBody: made.body })];
  },
  '/api/v1/timestamp': async (body) => {
    const asked = pkijs.TimeStampReq.fromBER(body);
    const made = await tsa.timestamp({
      artifactHash: Buffer.from(asked.messageImprint.hashedMessage.valueBlock.valueHexView),
      hashAlgorithmOID: asked.messageImprint.hashAlgorithm.algorithmId,
      nonce: asked.nonce ? asked.nonce.valueBlock.valueDec : randomInt(2 ** 31),
      policyOID: '1.3.6.1.4.1.57264.2', certReq: asked.certReq ?? false });
    return [201, 'application/timestamp-reply', Buffer.from(made)];
  },
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (it) => chunks.push(it));
  request.on('end', async () => {
    const answer = answers[request.url];
    try {
      const [status, type, text, more] = answer ? await answer(Buffer.concat(chunks), request) : [404, 'text/plain', 'no'];
      response.writeHead(status, { 'content-type': type, location: request.url, ...more }).end(text);
    } catch (error) {
      console.error(request.url, error);
      response.writeHead(500).end(String(error));
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  writeFileSync(`${directory}/trusted_root.json`, JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log('https://rekor.example.com', tlog.publicKey), log('https://log2.example.com', tlog2.publicKey)],
    certificateAuthorities: [authority('https://fulcio.example.com', 'sigstore', [ca.rootCertificate])],
    ctlogs: [log('https://ct.example.com', ctlog.publicKey)],
    timestampAuthorities: [authority('https://tsa.example.com', 'tsa', [tsa.intCertificate, tsa.rootCertificate])],
  }, null, 2));
  const service = (majorApiVersion) => [{ url, majorApiVersion, validFor, operator: 'example' }];
  for (const version of [1, 2]) {
    writeFileSync(`${directory}/signing_config_v${version}.json`, JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: service(1), rekorTlogUrls: service(version), rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: version === 2 ? [{ ...service(1)[0], url: `${url}/api/v1/timestamp` }] : [],
      tsaConfig: { selector: 'ANY' } }, null, 2));
  }
  writeFileSync(`${directory}/address`, url);
});
