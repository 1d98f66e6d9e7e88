"""Servers on loopback, with what a check of each needs to know of it: those of docs/footprint.md."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time

HUNG_SECONDS = 60


# Nobody may listen yet at a port that was given.
given: set[int] = set()


def free_port() -> int:
    for port in range(20000 + os.getpid() % 10000, 32768):
        with socket.socket() as tried, contextlib.suppress(OSError):
            if port in given:
                continue
            tried.bind(("127.0.0.1", port))
            given.add(port)
            return port
    raise SystemExit("no port is free")


PLUGIN = """#!/bin/sh
# So many files wait.
echo status ok
echo metric files int64 3
"""

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }} }}
"""

APACHE = """ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule status_module /usr/lib/apache2/modules/mod_status.so
<Location /server-status>
  SetHandler server-status
</Location>
"""


@contextlib.contextmanager
def servers(folder: pathlib.Path):
    """Starts them, and gives the types that need one with the details of a check of it."""
    folder = folder.resolve()
    with contextlib.ExitStack() as stack:

        def start(*command: str) -> None:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen(command, **quiet)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        ports = {}

        def port(of: str) -> int:
            ports[of] = free_port() if not ports else max(ports.values()) + 1
            return ports[of]

        start("redis-server", f"--port {port('redis')}", "--bind 127.0.0.1", "--save", "")
        data = folder / "mysql"
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--auth-root-authentication-method=normal", "--user=root"]
        subprocess.run(install, check=True, capture_output=True)
        start("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={folder}/mysql.socket", f"--port={port('mysql')}", "--bind-address=127.0.0.1")
        nginx, apache = folder / "nginx.conf", folder / "apache.conf"
        nginx.write_text(NGINX.format(folder=folder, port=port("nginx")))
        start("nginx", "-p", str(folder), "-c", str(nginx))
        apache.write_text(APACHE.format(folder=folder, port=port("apache")))
        start("apache2", "-X", "-f", str(apache))
        start("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port('exporter')}")
        for waited in ports.values():
            wait_for(waited)
        plugins = folder / "plugins"
        plugins.mkdir()
        plugin = plugins / "files.sh"
        plugin.write_text(PLUGIN)
        plugin.chmod(0o755)
        page = f"http://127.0.0.1:{ports['nginx']}/"
        local = {"host": "127.0.0.1"}
        yield {
            "agent.redis": local | {"port": ports["redis"]},
            "agent.mysql": local | {"port": ports["mysql"], "user": "root"},
            "agent.apache": {"url": f"http://127.0.0.1:{ports['apache']}/server-status?auto"},
            "agent.prometheus": {"url": f"http://127.0.0.1:{ports['exporter']}/metrics", "metrics": ["node_load1", "node_memory_*"]},
            "agent.plugin": {"file": plugin.name},
            "agent.statsd": {"port": max(ports.values()) + 1},
            "remote.http": {"url": page},
            "remote.tcp": local | {"port": ports["nginx"]},
        }


def wait_for(port: int) -> None:
    until = time.monotonic() + HUNG_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
    raise SystemExit(f"nothing listens at {port}")
