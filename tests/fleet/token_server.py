"""A token server for a registry (https://distribution.github.io/distribution/spec/auth/jwt/): whoever shows the user and
password (Basic) gets a token for what was asked. Ends with the process that started it.

token_server.py ADDRESS PORT FOLDER    the certificate that the registry needs is written to FOLDER/token.crt; user and
                                       password are those of FOLDER/password, "user:password"
"""

import base64
import datetime
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PARENT = os.getppid()
ADDRESS, PORT, FOLDER = sys.argv[1:]


def end_with_parent():
    while os.getppid() == PARENT:
        time.sleep(0.2)
    os._exit(0)


def make_certificate(key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "token server")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(),
                                      now - datetime.timedelta(days=1), now + datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CERTIFICATE = make_certificate(KEY)


def make_token(service, scopes):
    der = CERTIFICATE.public_bytes(serialization.Encoding.DER)
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":")
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    claims = {"iss": "fleet", "sub": "", "aud": service, "exp": now + 300, "nbf": now - 60, "iat": now,
              "jti": "1", "access": access}
    text = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(KEY.sign(text, padding.PKCS1v15(), hashes.SHA256()))).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(os.path.join(FOLDER, "password"), encoding="ascii") as file:
            expected = "Basic " + base64.b64encode(file.read().strip().encode()).decode()
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        is_known = self.headers["Authorization"] == expected
        body = {"token": make_token(query["service"][0], query.get("scope", []))} if is_known else {"details": "no"}
        text = json.dumps(body).encode()
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


with open(os.path.join(FOLDER, "token.crt"), "wb") as file:
    file.write(CERTIFICATE.public_bytes(serialization.Encoding.PEM))
threading.Thread(target=end_with_parent, daemon=True).start()
http.server.ThreadingHTTPServer((ADDRESS, int(PORT)), Handler).serve_forever()
