"""What the end-to-end tests share: a server in a scratch folder, and where the shared data lies."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools'))
import muster_client  # noqa: E402

SHARED = os.environ.get('MUSTER_SHARED') or os.path.join(ROOT, '..', 'shared')
ABSENT = 'not run: shared data absent'
SECRET = 'whsec_bXVzdGVyLXRlc3Qtc2VjcmV0LTAwMDAwMDAwMDAwMA=='

SCHEMA = {
    'profiles': {'id': 'profile_id'},
    'events': {'profile': 'profile_id', 'name': 'type', 'time': 'ts', 'id': 'event_id'},
    'entities': {'product': {'id': 'product_id'}},
    'references': {'purchase.product_id': 'product'},
    'fields': {'purchase.amount': {'type': 'decimal', 'scale': 2}},
    'timezone': 'UTC',
}
PROFILES = b'''{"profile_id":"ana","country":"FR","plan":"pro","age":41,"tags":["vip","beta"]}
{"profile_id":"bo","country":"DE","age":29}
{"profile_id":"cy","plan":"free","tags":["beta"]}
'''
EVENTS = b'''\
{"event_id":"1","profile_id":"ana","type":"purchase","ts":"2024-03-01T10:00:00Z","amount":19.90,\
"product_id":"p1"}
{"event_id":"2","profile_id":"ana","type":"purchase","ts":"2024-03-05T10:00:00Z","amount":5.05,\
"product_id":"p2"}
{"event_id":"3","profile_id":"bo","type":"refund","ts":"2024-03-06T10:00:00Z"}
'''
PRODUCTS = b'''{"product_id":"p1","category":"shoes"}
{"product_id":"p2","category":"socks"}
'''
NDJSON = {'Content-Type': 'application/x-ndjson'}


def has_shared_data():
    """Whether the shared data is there; says so where it is not."""
    if os.path.isdir(os.path.join(SHARED, 'data')):
        return True
    print(ABSENT, flush=True)
    return False


def shared(*parts):
    return os.path.join(SHARED, *parts)


class MusterCase(unittest.TestCase):
    """A test with a scratch folder and servers that end with it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='muster-e2e-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content):
        path = self.path(name)
        with open(path, 'wb') as stream:
            stream.write(content if isinstance(content, bytes) else content.encode())
        return path

    def server(self, name='data', options=(), **more):
        """A server that is not started yet, on a folder of its own."""
        data = self.path(name)
        os.makedirs(data, exist_ok=True)
        made = muster_client.Server(data, options=options, **more)
        self.addCleanup(made.kill)
        return made

    def started(self, name='data', options=(), **more):
        """A running server and a client of it."""
        server = self.server(name, options, **more).start()
        client = server.client()
        self.addCleanup(client.close)
        return server, client

    def started_with_people(self, name='data', options=()):
        """A running server that knows the three people above."""
        server, client = self.started(name, options)
        self.load_people(client)
        return server, client

    def load_people(self, client):
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        self.assert_ok(client.post('/v1/entities/product', PRODUCTS, NDJSON))
        self.assert_ok(client.post('/v1/profiles', PROFILES, NDJSON))
        self.assert_ok(client.post('/v1/events', EVENTS, NDJSON))

    def assert_ok(self, answer):
        self.assertIn(answer.status, (200, 201, 202, 204), answer.problem())
        return answer

    def assert_problem(self, answer, *statuses):
        """A refusal as RFC 9457 has it, with one clear sentence."""
        self.assertIn(answer.status, statuses, answer.body[:300])
        self.assertEqual(answer.headers.get_content_type(), 'application/problem+json')
        document = answer.json()
        self.assertEqual(document.get('status'), answer.status)
        self.assertTrue(document.get('title'))
        sentence = document.get('detail', '')
        self.assertGreater(len(sentence), 10, document)
        self.assertNotIn('\n', sentence)
        return document

    def wait_until(self, holds, seconds=20):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, 'waited too long')
            time.sleep(0.02)

    def run_muster(self, *options, timeout=60, **more):
        """Runs the program to its end."""
        return subprocess.run([muster_client.default_binary(), *options], capture_output=True,
                              text=True, timeout=timeout, check=False, **more)

    def assert_one_sentence(self, done):
        """A command that failed as it should: an exit code, and one sentence that says why."""
        self.assertGreater(done.returncode, 0, done.stdout + done.stderr)
        self.assertLess(done.returncode, 126, 'ended by a signal: ' + done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertGreater(len(lines[0]), 15)
        return lines[0]
