"""A relay in front of the receiver, which makes an exporter look as if it had broken a promise.

    forget-outcome   an acknowledged delivery comes once more
    lose-outcome     a delivery is acknowledged that the receiver never sees
    change-body      another attempt of a batch has another body
    lose-removal     a removal is acknowledged that the receiver never sees
"""
import re
import socket
import threading

HOLD_SECONDS = 10
EVERY = 7  # Deliveries between two faults.


class Relay:
    """Listens when there is something to break; one request a connection."""

    def __init__(self, port, sabotage):
        self.to, self.sabotage = port, sabotage
        self.count, self.seen = 0, set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        if sabotage:
            threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(connection,), daemon=True).start()

    def _relay(self, connection):
        connection.settimeout(HOLD_SECONDS)
        try:
            with connection:
                head, body = read_request(connection)
                if head is not None:
                    self._pass_on(connection, head, body)
        except OSError:
            pass  # One of the two ended, as the script wanted it.

    def _pass_on(self, connection, head, body):
        message = re.search(rb'webhook-id: (\S+)', head).group(1)
        with self.lock:
            self.count += 1
            again = message in self.seen
            self.seen.add(message)
            due = self.count % EVERY == 0
        if self.sabotage == 'change-body' and again:
            body = body.replace(b'example', b'EXAMPLE')
        is_removal = b'"operation":"remove"' in body
        if (self.sabotage == 'lose-outcome' and due) or (
                self.sabotage == 'lose-removal' and is_removal):
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
            return
        answer = self._ask(head, body, connection)
        if self.sabotage == 'forget-outcome' and due and answer.startswith(b'HTTP/1.1 200'):
            self._ask(head, body, None)

    def _ask(self, head, body, connection):
        """Sends a request, and hands on what comes back until its end."""
        answer = b''
        with socket.create_connection(('127.0.0.1', self.to), HOLD_SECONDS) as receiver:
            receiver.sendall(head.replace(b'\r\n', b'\r\nConnection: close\r\n', 1) + body)
            while True:
                try:
                    part = receiver.recv(65536)
                except OSError:
                    return answer
                if not part:
                    return answer
                answer = (answer + part)[:4096]
                if connection is not None:
                    connection.sendall(part)


def read_request(connection):
    """Head and body of one request; None without one."""
    got = b''
    while b'\r\n\r\n' not in got:
        part = connection.recv(65536)
        if not part:
            return None, b''
        got += part
    head, body = got.split(b'\r\n\r\n', 1)
    length = int(re.search(rb'(?i)content-length: (\d+)', head).group(1))
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            return None, b''
        body += part
    return head + b'\r\n\r\n', body
