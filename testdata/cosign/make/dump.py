"""Writes what cosign left beside an image as one case: dump.py REGISTRY REPOSITORY DIGEST FILE"""
import base64, json, sys, urllib.error, urllib.request

registry, repository, digest, file = sys.argv[1:]
base = f"http://{registry}/v2/{repository}"
INDEX = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"

def get(url):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": INDEX})).read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise

def manifest(reference):
    found = get(f"{base}/manifests/{reference}")
    return json.loads(found) if found else None

tag = digest.replace(":", "-")
found = []
for suffix, form in ((".sig", "simple"), (".att", "envelope")):
    for layer in (manifest(tag + suffix) or {}).get("layers", []):
        content = get(f"{base}/blobs/{layer['digest']}").decode()
        found.append({"form": form, "content": content, "annotations": layer.get("annotations", {})})
for entry in (manifest(tag) or {}).get("manifests", []):
    for layer in manifest(entry["digest"])["layers"]:
        found.append({"form": "bundle", "content": get(f"{base}/blobs/{layer['digest']}").decode()})
image = get(f"{base}/manifests/{digest}").decode()
config = get(f"{base}/blobs/{json.loads(image)['config']['digest']}").decode()
with open(file, "w") as out:
    json.dump({"digest": digest, "manifest": image, "config": config, "found": found}, out, indent=1)
    out.write("\n")
