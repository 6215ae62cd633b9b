#!/usr/bin/python3
"""The engines of the torture test's hosts: FOLDER/HOST.sock each, and one registry on a loopback port.

Knows what slipway asks of an engine, and no more. `docker-compose` (compose.c) hands its work over to it too, so what a
host runs is decided here alone. Lives in a process of its own, until its standard input ends: killing slipway leaves it be.

usage: fake_engine.py FOLDER HOST...; prints "port N", "NAME VERSION DIGEST" lines and "ready".
Below /torture are the test's own controls: state (GET), save/NAME, load/NAME, sicken?image=, heal, cut.
"""
import asyncio
import hashlib
import json
import logging
import re
import shutil
import sys
import time
from functools import partial
from urllib.parse import parse_qsl, unquote

VERSIONS = ("1", "2", "3")
IMAGES = ("web", "worker")
CHECKED = "web"  # has a HEALTHCHECK
LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
PROJECT, SERVICE, HASH, DIRECTORY = (
    "com.docker.compose." + word for word in ("project", "service", "config-hash", "project.working_dir"))


def digest_of(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%06dZ" % (seconds % 1 * 1e6)


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Registry:
    """Two images in three versions; everything by digest."""

    def __init__(self):
        self.blobs = {}
        self.digests = {}
        for name in IMAGES:
            for version in VERSIONS:
                self.digests[name, version] = self.add_image(name, version)

    def add(self, value):
        text = json.dumps(value)
        self.blobs[digest_of(text)] = text
        return digest_of(text)

    def add_image(self, name, version):
        layer = digest_of(name + version)
        config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [layer]}}
        return self.add({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"digest": self.add(config), "size": 1},
            "layers": [{"digest": layer, "size": 1000}],
        })

    def answer(self, request):
        if request.path == "/ping":
            return 200, "pong"
        found = self.blobs.get(request.path.rpartition("/")[2])
        if found is None:
            raise Refusal(404, "no such blob")
        return 200, found


class Engine:
    """One host's engine. `state` is all that is saved and loaded."""

    def __init__(self, name):
        self.name = name
        self.state = {"images": {}, "containers": {}, "sick": [], "born": 0}
        self.saved = {}
        self.execs = {}
        self.watchers = set()

    # --- images

    def find_image(self, name):
        for reference, image in self.state["images"].items():
            if name in (reference, image["id"]) or name in image["tags"]:
                return reference, image
        raise Refusal(404, "no such image: " + name)

    def show_image(self, name):
        reference, image = self.find_image(name)
        return {"Id": image["id"], "RepoTags": image["tags"], "RepoDigests": [reference],
                "RootFS": {"Layers": [image["id"]]}}

    def pull(self, query):
        reference = query["fromImage"] + "@" + query["tag"]
        self.state["images"].setdefault(reference, {"id": digest_of(reference), "tags": []})
        return "".join(json.dumps(line) + "\n" for line in (
            {"status": "Downloading", "id": "layer", "progressDetail": {"current": 10, "total": 1000}},
            {"status": "Pull complete", "id": "layer"}))

    def tag(self, name, query):
        image = self.find_image(name)[1]
        tag = query["repo"] + ":" + query["tag"]
        if tag not in image["tags"]:
            image["tags"].append(tag)
        return ""

    def remove_image(self, name):
        reference, image = self.find_image(name)
        if name in image["tags"]:
            image["tags"].remove(name)
        elif any(one["image"] == reference for one in self.state["containers"].values()):
            raise Refusal(409, "image is being used by a container")
        else:
            del self.state["images"][reference]
        return []

    # --- containers

    def tell(self, action, container, **attributes):
        line = json.dumps({"Type": "container", "Action": action,
                           "Actor": {"ID": container["id"], "Attributes": attributes}}) + "\n"
        for writer in list(self.watchers):
            if not writer.is_closing():
                writer.write(line.encode())

    def find_container(self, name):
        if name not in self.state["containers"]:
            raise Refusal(404, "no such container: " + name)
        return self.state["containers"][name]

    @staticmethod
    def labels(container):
        return {PROJECT: container["project"], SERVICE: container["service"], HASH: container["hash"],
                DIRECTORY: "/proc/self/cwd/project"}  # as compose.sh has it

    def list_containers(self):
        return [{"Id": one["id"], "Names": ["/" + one["service"]], "Image": one["image"],
                 "ImageID": digest_of(one["image"]), "State": "running",
                 "Labels": self.labels(one)} for one in self.state["containers"].values()]

    def inspect(self, name):
        one = self.find_container(name)
        state = {"Status": "running", "ExitCode": 0, "StartedAt": timestamp(one["started"]),
                 "FinishedAt": "0001-01-01T00:00:00Z"}
        config = {"Image": one["image"], "Labels": self.labels(one)}
        if one["health"]:
            config["Healthcheck"] = {"Test": ["CMD", "/check"]}
            streak = 3 if one["health"] == "unhealthy" else 0
            state["Health"] = {"Status": one["health"], "FailingStreak": streak, "Log": []}
        return {"Id": one["id"], "RestartCount": 0, "State": state, "Config": config,
                "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}}}

    def remove(self, container):
        self.tell("die", container, exitCode="0")
        del self.state["containers"][container["id"]]
        self.tell("destroy", container)

    def create(self, project, service, image, config_hash):
        self.state["born"] += 1
        container = {"id": hashlib.sha256(f"{self.name} {self.state['born']}".encode()).hexdigest(),
                     "project": project, "service": service, "image": image, "hash": config_hash,
                     "started": time.time(), "health": "starting" if f"/{CHECKED}@" in image else ""}
        self.state["containers"][container["id"]] = container
        self.tell("create", container)
        self.tell("start", container)

    # --- commands in containers: the image's own check

    def create_exec(self, name):
        container = self.find_container(name)
        identity = f"exec-{len(self.execs)}"
        self.execs[identity] = container["id"]
        return {"Id": identity}

    def start_exec(self, identity, body):
        if identity not in self.execs:
            raise Refusal(404, "no such exec")
        container = self.find_container(self.execs[identity])
        if not json.loads(body or "{}").get("Detach"):
            return "connection refused\n"
        is_sick = container["image"] in self.state["sick"]
        self.tell("exec_die", container, execID=identity, exitCode=str(int(is_sick)))
        container["health"] = "unhealthy" if is_sick else "healthy"
        self.tell("health_status: " + container["health"], container)
        return ""

    # --- Compose: what images.yml says is all there is to a service

    @staticmethod
    def services(text):
        blocks = re.findall(r'^  "?([\w-]+)"?:\n((?:    .*\n)+)', text.split("services:\n", 1)[1], re.M)
        return {name: (re.search(r'^    "?image"?: "?([^"\n]+)', block, re.M).group(1),
                       hashlib.sha256(block.encode()).hexdigest()) for name, block in blocks}

    def compose_config(self, _project, services):
        return "services:\n" + "".join(f"  {name}:\n    image: {image}\n" for name, (image, _) in services.items())

    def compose_hash(self, _project, services):
        return "".join(f"{name} {config_hash}\n" for name, (_, config_hash) in services.items())

    def compose_up(self, project, services):
        there = {one["service"]: one for one in self.state["containers"].values()}
        for name in sorted(there.keys() - services.keys()):
            self.remove(there[name])
        for name, (image, config_hash) in services.items():
            if name in there and there[name]["hash"] == config_hash:
                continue
            self.find_image(image)
            if name in there:
                self.remove(there[name])
            self.create(project, name, image, config_hash)
        return "done\n"

    def compose_down(self, _project, _services):
        for container in list(self.state["containers"].values()):
            self.remove(container)
        return "done\n"

    # --- the test's own controls

    def control(self, word, argument, query):
        if word == "save":
            self.saved[argument] = json.dumps(self.state)
        elif word == "load":
            self.state = json.loads(self.saved[argument])
        elif word == "sicken":
            self.state["sick"].append(query["image"])
        elif word == "heal":
            self.state["sick"] = []
            for container in self.state["containers"].values():
                container["health"] = container["health"] and "healthy"
        elif word == "cut":
            for writer in list(self.watchers):
                writer.close()
        return {"containers": list(self.state["containers"].values()), "images": sorted(self.state["images"])}

    def route(self, request):
        method, query = request.method, request.query
        parts = re.sub(r"^/v1\.\d+", "", request.path).strip("/").split("/")
        kind, name = parts[0], "/".join(parts[1:-1])
        if kind == "torture":
            return self.control(parts[1], parts[-1], query)
        if kind == "compose":
            action = getattr(self, "compose_" + parts[1])
            return action(query["project"], self.services(request.body))
        if parts == ["_ping"]:
            return "OK"
        if parts == ["version"]:
            return {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Arch": "amd64", "Os": "linux"}
        if parts == ["info"]:
            return {"DockerRootDir": "/dev", "SystemTime": timestamp(time.time())}
        if parts == ["images", "create"]:
            return self.pull(query)
        if parts == ["images", "json"]:
            return [self.show_image(reference) for reference in self.state["images"]]
        if parts == ["containers", "json"]:
            return self.list_containers()
        if kind == "images" and method == "DELETE":
            return self.remove_image("/".join(parts[1:]))
        table = {
            ("images", "json"): lambda: self.show_image(name),
            ("images", "tag"): lambda: self.tag(name, query),
            ("containers", "json"): lambda: self.inspect(name),
            ("containers", "exec"): lambda: self.create_exec(name),
            ("containers", "logs"): lambda: "listening\n",
            ("exec", "start"): lambda: self.start_exec(name, request.body),
        }
        if (kind, parts[-1]) not in table:
            raise Refusal(404, "not known here: " + request.path)
        return table[kind, parts[-1]]()

    def answer(self, request):
        answer = self.route(request)
        return 200, answer if isinstance(answer, str) else json.dumps(answer)


class Request:
    def __init__(self, head, body):
        self.method, target, _ = head.split(" ", 2)
        path, _, query = target.partition("?")
        self.path = unquote(path)
        self.query = dict(parse_qsl(query)) if query else {}
        self.body = body


class Connection(asyncio.Protocol):
    """HTTP/1.1, kept alive; /events is never answered to the end."""

    def __init__(self, server):
        self.server = server
        self.unread = b""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _exception):
        if isinstance(self.server, Engine):
            self.server.watchers.discard(self.transport)

    def data_received(self, data):
        self.unread += data
        while True:
            head, end, rest = self.unread.partition(b"\r\n\r\n")
            length = LENGTH.search(head) if end else None
            length = int(length.group(1)) if length else 0
            if not end or len(rest) < length:
                return
            self.unread = rest[length:]
            self.answer(Request(head.decode(), rest[:length].decode()))

    def answer(self, request):
        if request.path.endswith("/events"):
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
            self.server.watchers.add(self.transport)
            return
        try:
            status, text = self.server.answer(request)
        except Refusal as refusal:
            status, text = refusal.status, json.dumps({"message": str(refusal)})
        body = text.encode()
        who = b"Server: Docker/20.10.24 (linux)\r\nApi-Version: 1.41"
        head = b"HTTP/1.1 %d X\r\n%s\r\nContent-Length: %d\r\n\r\n" % (status, who, len(body))
        self.transport.write(head if request.method == "HEAD" else head + body)


async def main(folder, hosts):
    logging.disable()  # connections are cut all the time here
    registry = Registry()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(registry), "127.0.0.1", 0)
    servers = [server]
    for engine in [Engine(host) for host in hosts]:
        servers.append(await loop.create_unix_server(partial(Connection, engine), f"{folder}/{engine.name}.sock"))
    print("port", server.sockets[0].getsockname()[1])
    for (name, version), digest in registry.digests.items():
        print(name, version, digest)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    shutil.rmtree(folder, ignore_errors=True)  # also when the test was killed


asyncio.run(main(sys.argv[1], sys.argv[2:]))
