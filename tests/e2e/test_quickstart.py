"""tools/quickstart with a small sample: every step works, and a step that fails is told."""
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from session import free_port
from support import ROOT, MusterCase, muster_client

RELEASE = os.path.join(ROOT, 'build', 'release', 'muster')


class Quickstart(MusterCase):
    def quickstart(self, *options):
        """Runs it with a sample in the scratch folder; it builds the release first."""
        environment = dict(os.environ, MUSTER_BINARY=RELEASE)
        return subprocess.run([os.path.join(ROOT, 'tools', 'quickstart'), '--profiles', '1000',
                               '--home', self.path('quickstart'), *options],
                              capture_output=True, text=True, timeout=900, check=False,
                              env=environment)

    def test_once_and_once_more(self):
        port = str(free_port())
        first = self.quickstart('--once', '--port', port)
        self.assertEqual(first.returncode, 0, first.stdout + first.stderr)
        self.assertRegex(first.stdout, r'count: [1-9]')
        self.assertRegex(first.stdout, r'audience ([1-9]\d*) = sent \1 .*: adds up')
        self.assertIn('every signature valid', first.stdout)
        self.assertFalse(muster_client.is_ready(f'http://127.0.0.1:{port}'))
        again = self.quickstart('--once', '--port', port)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertRegex(again.stdout, r'audience (\d+) = sent 0 \+ already there \1 ')

    test_once_and_once_more.slow = True

    def test_it_leaves_the_server_running(self):
        done = self.quickstart('--port', str(free_port()))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        process = int(re.search(r'kill (\d+)', done.stdout)[1])
        try:
            url = re.search(r'The server runs at (http://\S+)', done.stdout)[1]
            client = muster_client.Client(url)
            self.assertEqual(client.count('everyone'), 1000)
            client.close()
        finally:
            os.kill(process, signal.SIGTERM)
            deadline = time.monotonic() + 20
            while muster_client.is_ready(url) and time.monotonic() < deadline:
                time.sleep(0.05)
        self.assertFalse(muster_client.is_ready(url))

    test_it_leaves_the_server_running.slow = True

    def test_a_step_that_fails_is_told(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            done = self.quickstart('--once', '--port', str(taken.getsockname()[1]))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('quickstart: the server ended', done.stderr)

    test_a_step_that_fails_is_told.slow = True


if __name__ == '__main__':
    unittest.main()
