"""Starts a muster server and talks to it over HTTP; for tools/ and tests/e2e/.

Python 3 standard library only. One thread at a time per Client.
"""
import gzip
import http.client
import json
import os
import signal
import subprocess
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHUNK_BYTES = 1 << 20
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
REQUEST_SECONDS_MAX = 120
# Where each answer is noted, once: METHOD PATH STATUS (tests/e2e/answers.py).
ANSWERS_FILE = os.environ.get('MUSTER_ANSWERS')
NOTED = set()


class ServerFailed(Exception):
    """The server did not start, did not stop, or is gone; the text says what it printed."""


def note_answer(method, path, status):
    answer = (method, path.split('?')[0], status)
    if not ANSWERS_FILE or answer in NOTED:
        return
    NOTED.add(answer)
    with open(ANSWERS_FILE, 'a', encoding='utf-8') as stream:
        stream.write(f'{answer[0]} {answer[1]} {answer[2]}\n')


class Answer:
    """One HTTP answer, read to its end."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        """The body as JSON; a ValueError when it is none."""
        return json.loads(self.body)

    def lines(self):
        """The body as one JSON value per line."""
        return [json.loads(line) for line in self.body.split(b'\n') if line.strip()]

    def problem(self):
        """The sentence of an RFC 9457 problem, or the beginning of what came instead."""
        try:
            document = self.json()
            return str(document.get('detail') or document.get('title') or document)
        except (ValueError, AttributeError):
            return self.body[:200].decode('utf-8', 'replace')


class Client:
    """A connection to one server; opened again when the server closed it."""

    def __init__(self, url, key=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != 'http' or not parts.hostname or not parts.port:
            raise ValueError(f'{url} is not an address like http://127.0.0.1:8080')
        self.url = url.rstrip('/')
        self._host, self._port = parts.hostname, parts.port
        self._key = key
        self._connection = None

    def request(self, method, path, body=None, headers=None):
        """Sends one request. A dict or list goes as JSON, bytes and text as they are."""
        sent = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            sent.setdefault('Content-Type', 'application/json')
        elif isinstance(body, str):
            body = body.encode()
        if self._key:
            sent.setdefault('Authorization', f'Bearer {self._key}')
        reused = self._connection is not None
        try:
            return self._exchange(method, path, body, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not reused:
                raise
            # An idle connection may be closed by the server at any time: once, on a new one.
            return self._exchange(method, path, body, sent)

    def _exchange(self, method, path, body, headers):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port,
                                                          timeout=REQUEST_SECONDS_MAX)
        try:
            self._connection.request(method, path, body=body, headers=headers)
            response = self._connection.getresponse()
            note_answer(method, path, response.status)
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path):
        return self.request('GET', path)

    def post(self, path, body, headers=None):
        return self.request('POST', path, body, headers)

    def put(self, path, body):
        return self.request('PUT', path, body)

    def delete(self, path):
        return self.request('DELETE', path)

    def count(self, where, as_of=None):
        """The count of an expression; a ServerFailed when it was refused."""
        answer = self.post('/v1/count', question(where, as_of))
        if answer.status != 200:
            raise ServerFailed(f'count of {where}: {answer.status} {answer.problem()}')
        return answer.json()['count']

    def members(self, where, as_of=None):
        """The profile ids of an expression, in the order of the answer."""
        answer = self.post('/v1/members', question(where, as_of))
        if answer.status != 200:
            raise ServerFailed(f'members of {where}: {answer.status} {answer.problem()}')
        return [line['profile_id'] for line in answer.lines()]


def question(where, as_of=None):
    """The JSON of one question."""
    return {'where': where} if as_of is None else {'where': where, 'as_of': as_of}


def default_binary():
    """The muster program: $MUSTER_BINARY, else the release build."""
    return os.environ.get('MUSTER_BINARY') or os.path.join(ROOT, 'build', 'release', 'muster')


class Server:
    """A muster process that this program started, and only ends by its own process id."""

    def __init__(self, data, binary=None, options=(), listen='127.0.0.1:0', outlives_us=False,
                 environment=None):
        self.data = data
        self.binary = binary or default_binary()
        self.options = list(options)
        self.listen = listen
        self.environment = dict(environment or {})  # Beside ours.
        self.process = None
        self.url = None
        self.log_path = data.rstrip('/') + '.log'
        self._outlives_us = outlives_us  # Ctrl-C in our terminal is not for it.

    def start(self):
        """Starts the process and waits until it answers /readyz. Returns itself."""
        ready_file = self.data.rstrip('/') + '.ready'
        if os.path.exists(ready_file):
            os.remove(ready_file)
        command = [self.binary, 'serve', '--data', self.data, '--listen', self.listen,
                   '--ready-file', ready_file, *self.options]
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, **self.environment),
                                            start_new_session=self._outlives_us)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(f'the server ended with {self.process.returncode}: '
                                   f'{self.log_tail()}')
            self.url = url_of_ready_file(ready_file)
            if self.url and is_ready(self.url):
                return self
            time.sleep(0.02)
        self.kill()
        raise ServerFailed(f'the server is not ready after {READY_SECONDS_MAX} s: '
                           f'{self.log_tail()}')

    def client(self, key=None):
        return Client(self.url, key)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Asks the process to end and returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ServerFailed(f'the server did not end within {STOP_SECONDS_MAX} s') from None
        return self.process.returncode

    def kill(self):
        """kill -9: what a power cut leaves of a process."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def log_tail(self):
        """The last lines that the process printed."""
        with open(self.log_path, 'rb') as log:
            return log.read()[-2000:].decode('utf-8', 'replace').strip()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


def url_of_ready_file(path):
    """The address that a ready file names, or None while it is not written to its end."""
    try:
        with open(path, encoding='utf-8') as stream:
            text = stream.read()
    except OSError:
        return None
    if not text.endswith('\n'):
        return None
    text = text.strip()
    return text if text.startswith('http://') else None


def is_ready(url):
    try:
        client = Client(url)
        ready = client.get('/readyz').status == 200
        client.close()
        return ready
    except (OSError, http.client.HTTPException):
        return False


def chunks_of(path, chunk_bytes=CHUNK_BYTES):
    """Whole lines of an NDJSON file, plain or .gz, in pieces of about chunk_bytes."""
    opened = gzip.open(path, 'rb') if path.endswith('.gz') else open(path, 'rb')
    with opened as stream:
        while True:
            lines = stream.readlines(chunk_bytes)
            if not lines:
                return
            yield b''.join(lines)


def data_set_parts(folder, schema):
    """(route, file) of every table of a data set, in the order in which to load them."""
    parts = []
    for name in schema.get('entities', {}):
        parts.append((f'/v1/entities/{name}', one_file(folder, [f'{name}s', name])))
    parts.append(('/v1/profiles', one_file(folder, ['profiles'])))
    parts.append(('/v1/events', one_file(folder, ['events'])))
    return parts


def one_file(folder, stems):
    """The NDJSON file of a table, plain or .gz."""
    for stem in stems:
        for suffix in ('.ndjson', '.ndjson.gz'):
            path = os.path.join(folder, stem + suffix)
            if os.path.exists(path):
                return path
    raise FileNotFoundError(f'{folder} has no file {" or ".join(stems)} (.ndjson or .ndjson.gz)')


def load_data_set(client, folder, schema, before_chunk=None):
    """Declares the schema and loads every table. Returns rows accepted and rejected.

    before_chunk is called with the number of the chunk about to be sent, from 0.
    """
    declared = client.put('/v1/schema', schema)
    if declared.status not in (200, 204):
        raise ServerFailed(f'PUT /v1/schema: {declared.status} {declared.problem()}')
    accepted = rejected = number = 0
    for route, path in data_set_parts(folder, schema):
        for chunk in chunks_of(path):
            if before_chunk:
                before_chunk(number)
            number += 1
            answer = client.post(route, chunk, {'Content-Type': 'application/x-ndjson'})
            if answer.status != 200:
                raise ServerFailed(f'POST {route}: {answer.status} {answer.problem()}')
            receipt = answer.json()
            accepted += receipt['accepted']
            rejected += receipt['rejected']
    return accepted, rejected
