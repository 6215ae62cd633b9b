#!/usr/bin/python3
"""A registry with journal/web and journal/fpm, tags 1.0 and 2.0, read-only. Prints its port."""
import hashlib
import http.server
import json

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
CONTENT = {}  # path -> (type, bytes)


def put(repository, kind, media_type, value, *names):
    body = json.dumps(value).encode()
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    for name in (digest, *names):
        CONTENT[f"/v2/{repository}/{kind}/{name}"] = (media_type, body)
    return {"mediaType": media_type, "digest": digest, "size": len(body)}


for image in ("web", "fpm"):
    for version in ("1.0", "2.0"):
        repository = f"journal/{image}"
        labels = {"org.opencontainers.image.version": version, "org.opencontainers.image.revision": "ab" * 20}
        config = {"architecture": "amd64", "os": "linux", "created": "2026-11-21T08:00:00Z",
                  "config": {"Labels": labels, "Env": [image]}, "rootfs": {"type": "layers", "diff_ids": []}}
        described = put(repository, "blobs", CONFIG, config)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
        put(repository, "manifests", MANIFEST, manifest, version)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        media_type, body = CONTENT.get(self.path, ("application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'))
        if self.path == "/v2/":
            body = b"{}"
        self.send_response(200 if self.path in CONTENT or self.path == "/v2/" else 404)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if self.path in CONTENT:
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(body).hexdigest())
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
