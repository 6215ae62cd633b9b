"""What tests ask instead of AWS; each ends with the process that started it. The URL is written to the file named.

aws_server.py moto FILE         EC2, IAM and STS (python3-moto), a page of DescribeInstances being two reservations
aws_server.py oracle FILE       EC2 with one instance, that holds each signature against botocore's; the keys are
                                $ORACLE_KEYS, "access secret [token]"
aws_server.py endpoints FILE    keys ($ENDPOINT_KEYS, likewise) of a container, /container, which wants the
                                authorization "container-token", and of an instance (IMDS, version 2 only)
"""

import http.server
import json
import os
import socket
import sys
import threading
import time

PAGE = 2
PARENT = os.getppid()


def end_with_parent():
    while os.getppid() == PARENT:
        time.sleep(0.2)
    os._exit(0)


def say_where(path, port):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"http://127.0.0.1:{port}")
    os.rename(path + ".new", path)


def keys_of(variable):
    access, secret, *token = os.environ[variable].split()
    return access, secret, token[0] if token else None


def run_moto(path):
    from moto.ec2.responses.instances import InstanceResponse
    from moto.server import main

    describe = InstanceResponse.describe_instances

    def describe_a_page(self):
        if "MaxResults" in self.querystring:
            assert 5 <= int(self.querystring["MaxResults"][0]) <= 1000, "as EC2 has it"
            self.querystring["MaxResults"] = [str(PAGE)]
        return describe(self)

    InstanceResponse.describe_instances = describe_a_page
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    say_where(path, port)
    main(["-H", "127.0.0.1", "-p", str(port)])


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Oracle(Quiet):
    """Signs again what was signed, as botocore does it, with the same time and headers."""

    def do_POST(self):
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = dict(part.strip().split("=", 1) for part in self.headers["Authorization"].split(" ", 1)[1].split(","))
        _, _, region, service, _ = said["Credential"].split("/")
        signed = {name: self.headers[name] for name in said["SignedHeaders"].split(";")}
        credentials = Credentials(*keys_of("ORACLE_KEYS"))
        request = AWSRequest("POST", f"http://{self.headers['Host']}{self.path}", headers=signed, data=body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = SigV4Auth(credentials, service, region)
        right = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        wants_token = credentials.token is not None
        if right != said["Signature"] or not {"host", "x-amz-date"} <= signed.keys():
            problem = "SignatureDoesNotMatch"
        elif wants_token and self.headers["X-Amz-Security-Token"] != credentials.token:
            problem = "InvalidToken"
        else:
            problem = None
        if problem:
            error = f"<Response><Errors><Error><Code>{problem}</Code></Error></Errors></Response>"
            self.answer(403, error)
            return
        instance = (
            f"<item><instanceId>i-{region}</instanceId><privateIpAddress>10.0.0.1</privateIpAddress></item>"
        )
        self.answer(
            200,
            "<DescribeInstancesResponse><reservationSet><item><instancesSet>"
            f"{instance}</instancesSet></item></reservationSet></DescribeInstancesResponse>",
        )


class Endpoints(Quiet):
    ROLE = "/latest/meta-data/iam/security-credentials/"

    def keys(self):
        access, secret, token = keys_of("ENDPOINT_KEYS")
        self.answer(200, json.dumps({"AccessKeyId": access, "SecretAccessKey": secret, "Token": token}))

    def do_PUT(self):
        is_token = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200 if is_token else 404, "imds-token")

    def do_GET(self):
        if self.path == "/container":
            if self.headers["Authorization"] == "container-token":
                self.keys()
            else:
                self.answer(401, json.dumps({"code": "Unauthorized", "message": "which container?"}))
        elif self.headers["X-aws-ec2-metadata-token"] != "imds-token":
            self.answer(401, "")
        elif self.path == self.ROLE:
            self.answer(200, "builder")
        elif self.path == self.ROLE + "builder":
            self.keys()
        elif self.path == "/latest/meta-data/placement/region":
            self.answer(200, "eu-west-1")
        else:
            self.answer(404, "")


def run_handler(handler, path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    say_where(path, server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    KIND, FILE = sys.argv[1:]
    if KIND == "moto":
        run_moto(FILE)
    else:
        run_handler({"oracle": Oracle, "endpoints": Endpoints}[KIND], FILE)
