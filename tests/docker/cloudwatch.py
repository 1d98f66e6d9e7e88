"""A fake CloudWatch beside the containers that share the network of this machine."""

import json
import subprocess
import threading

from container import PATIENCE_SECONDS


class CloudWatch:
    """Takes everything, and remembers it by the service that it is told of."""

    def __init__(self, program):
        self._news = threading.Condition()
        self._requests = []
        self._server = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        self.url = self._server.stdout.readline().strip()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self):
        for line in self._server.stdout:
            with self._news:
                self._requests.append(json.loads(line))
                self._news.notify_all()

    def wait_for(self, service):
        """The requests with the service's data, of which there is one at least."""
        with self._news:
            if not self._news.wait_for(lambda: self.taken_of(service), PATIENCE_SECONDS):
                raise AssertionError(f"nothing of {service} was taken")
            return self.taken_of(service)

    def taken_of(self, service):
        """The requests with the service's data so far."""
        return [request for request in self._requests if service in map(service_of, request["datums"])]

    def end(self):
        self._server.kill()
        self._server.wait(PATIENCE_SECONDS)
        self._listener.join(PATIENCE_SECONDS)
        self._server.stdout.close()


def service_of(datum):
    return dict(datum["dimensions"]).get("ServiceName")
