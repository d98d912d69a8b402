#!/bin/sh
# Makes the cases of testdata/cosign with the real cosign: see ../README.md.
#
#     COSIGN=… REGISTRY=… ./make.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$(dirname "$here")}
work=$(mktemp -d)
COSIGN=${COSIGN:-cosign}
REGISTRY=${REGISTRY:-registry}
export COSIGN_PASSWORD="" HOME="$work/home" OTEL_TRACES_EXPORTER=none
mkdir "$work/home" "$work/services"
trap 'exit 1' INT TERM
trap 'kill $started 2>/dev/null; rm -rf "$work"' EXIT

registry=127.0.0.1:5055
cat > "$work/registry.yml" <<END
version: 0.1
log: { level: error }
storage: { inmemory: {} }
http: { addr: $registry }
END
"$REGISTRY" serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
started=$!
cp "$here/package.json" "$here/services.mjs" "$work/services"
(cd "$work/services" && npm install --silent --no-audit --no-fund > npm.log 2>&1)
(cd "$work/services" && exec node services.mjs "$work") &
started="$started $!"
while ! [ -s "$work/address" ] || ! curl -fs "http://$registry/v2/" > /dev/null; do sleep 0.2; done
url=$(cat "$work/address")

cd "$work"
openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt -out p256.pem
openssl ecparam -genkey -name secp384r1 -noout | openssl pkcs8 -topk8 -nocrypt -out p384.pem
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.pem
openssl genpkey -algorithm ed25519 -out ed25519.pem
for kind in p256 p384 rsa ed25519; do
  "$COSIGN" import-key-pair --key $kind.pem --output-key-prefix $kind > /dev/null 2>&1
  cp $kind.pub "$out/$kind.pub"
done
openssl ecparam -genkey -name prime256v1 -noout | openssl ec -pubout -out "$out/other.pub" 2> /dev/null
cp trusted_root.json "$out/trusted_root.json"
printf '{"buildDefinition":{"buildType":"https://example.com/build/v1"},"runDetails":{"builder":{"id":"https://example.com/ci"}}}' > slsa.json

# Pushes an image for a case: its reference is $image.
image() { digest=$(python3 "$here/push.py" $registry acme/web "$1"); image=$registry/acme/web@$digest; }
case_() { python3 "$here/dump.py" $registry acme/web "$digest" "$out/$1.json"; }
sign() { "$COSIGN" sign "$@" -y --allow-http-registry "$image" > log 2>&1 || { cat log; exit 1; }; }
attest() {
  "$COSIGN" attest --type slsaprovenance1 --predicate slsa.json "$@" -y --allow-http-registry "$image" > log 2>&1 || { cat log; exit 1; }
}
old="--new-bundle-format=false --use-signing-config=false"
key="--use-signing-config=false --tlog-upload=false"

for kind in p256 p384 rsa ed25519; do
  image key-simple-$kind; sign --key $kind.key $old --tlog-upload=false; case_ key-simple-$kind
done
image key-bundle; sign --key p256.key $key; case_ key-bundle
image key-attestation; attest --key p256.key $old --tlog-upload=false; case_ key-attestation
image key-attestation-bundle; attest --key p256.key $key; case_ key-attestation-bundle

token() { python3 "$here/token.py" "$1"; }
release=$(token "https://github.com/acme/web/.github/workflows/release.yaml@refs/tags/v1.4.0")
public="--fulcio-url $url --rekor-url $url --trusted-root trusted_root.json --identity-token $release"
first="--signing-config signing_config_v1.json --trusted-root trusted_root.json --identity-token $release"
second="--signing-config signing_config_v2.json --trusted-root trusted_root.json --identity-token $release"
image keyless-simple; sign $old $public; case_ keyless-simple
image keyless-bundle; sign $first; case_ keyless-bundle
image keyless-bundle-other; sign $first; case_ keyless-bundle-other
image keyless-bundle-rekor2; sign $second; case_ keyless-bundle-rekor2
image keyless-attestation; attest $old $public; case_ keyless-attestation
image keyless-attestation-bundle; attest $first; case_ keyless-attestation-bundle
image keyless-attestation-rekor2; attest $second; case_ keyless-attestation-rekor2
image several; sign --key p256.key $old --tlog-upload=false; sign $first; attest $first; case_ several
image unsigned; case_ unsigned
