"""A name server that lies, and the exporter behind it: run in a network of its own.

    unshare -n -m python3 tests/e2e/rebinding.py

That network has a public address (PUBLIC, on the loopback device), which a receiver answers on,
and addresses that no delivery may reach, on the same ports, where a canary counts who connects.
Names end in `.rebind.test`; what they lead to changes from one look-up to the next.
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_export import ExportCase, PEOPLE, muster_client, rows  # noqa: E402
from support import NDJSON  # noqa: E402

PUBLIC = '93.184.215.14'
METADATA = '169.254.169.254'
PRIVATE = '10.1.2.3'
INSIDE = ('127.0.0.1', METADATA, PRIVATE, '::1')
PORTS = range(8081, 8085)
NOBODY = 8089  # The public address has no receiver on it.
A, AAAA = 1, 28
MIXED = ([PUBLIC, '127.0.0.1'], ['127.0.0.1', PUBLIC], [METADATA, '127.0.0.1', PUBLIC],
         ['::1', PUBLIC], [PUBLIC, '::1', '::ffff:127.0.0.1'], [PRIVATE, PUBLIC, METADATA])


def make_network():
    """A loopback device with a public address and those of the inside, and our name server."""
    def run(*command):
        subprocess.run(command, check=True)
    run('ip', 'link', 'set', 'lo', 'up')
    for address in (PUBLIC, METADATA, PRIVATE):
        run('ip', 'address', 'add', f'{address}/32', 'dev', 'lo')
    with tempfile.NamedTemporaryFile('w', delete=False) as stream:
        stream.write('nameserver 127.0.0.1\noptions timeout:1 attempts:2\n')
    run('mount', '--bind', stream.name, '/etc/resolv.conf')
    os.unlink(stream.name)


class NameServer:
    """Answers names with the addresses of `script`: a list for each look-up, the last for ever."""

    def __init__(self):
        self.script = {}
        self.asked = {}
        self._mutex = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(('127.0.0.1', 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(512)
            try:
                self._socket.sendto(self._answer(query), client)
            except (IndexError, struct.error):
                pass

    def _addresses(self, name, kind):
        with self._mutex:
            looks = self.script.get(name, [[]])
            times = self.asked.setdefault(name, {A: 0, AAAA: 0})
            answer = looks[min(times[kind], len(looks) - 1)]
            times[kind] += 1
        return [address for address in answer if (':' in address) == (kind == AAAA)]

    def _answer(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack('!H', query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        addresses = self._addresses('.'.join(labels), kind) if kind in (A, AAAA) else []
        records = b''
        for address in addresses:
            family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
            raw = socket.inet_pton(family, address)
            records += struct.pack('!HHHIH', 0xC00C, kind, 1, 0, len(raw)) + raw
        head = query[:2] + struct.pack('!HHHHH', 0x8580, 1, len(addresses), 0, 0)
        return head + question + records


class Canary:
    """Counts connections to addresses and ports that nobody may reach."""

    def __init__(self):
        self.touched = []
        for address in INSIDE:
            for port in (*PORTS, NOBODY):
                family = socket.AF_INET6 if ':' in address else socket.AF_INET
                listening = socket.socket(family)
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind((address, port))
                listening.listen()
                threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def _serve(self, listening):
        while True:
            connection, _ = listening.accept()
            self.touched.append(listening.getsockname()[:2])
            connection.close()


class Received(BaseHTTPRequestHandler):
    """The receiver at the public address: takes everything."""
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.hosts.append(self.headers['Host'])
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


def receivers():
    """Of each port: where it was called, by the Host header."""
    hosts = {}
    for port in PORTS:
        server = ThreadingHTTPServer((PUBLIC, port), Received)
        server.hosts = hosts[port] = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return hosts


class Rebinding(ExportCase):
    """Names that lead inside, now or at the next look-up."""

    @classmethod
    def setUpClass(cls):
        cls.names, cls.canary, cls.received = NameServer(), Canary(), receivers()

    def setUp(self):
        super().setUp()
        self.canary.touched.clear()

    def deliver(self, client, number, url, seconds=15):
        """A destination and a sync of their own; returns how the run ended, and its errors."""
        self.assert_ok(client.put(f'/v1/destinations/d{number}', {
            **self.destination(url), 'batch_size': PEOPLE, 'max_attempts': 3}))
        self.assert_ok(client.put(f'/v1/syncs/s{number}', {
            'segment': 'pro', 'destination': f'd{number}', 'mode': 'mirror',
            'mapping': {'mail': 'email'}, 'schedule': 'manual'}))
        return self.run_once(client, number, seconds)

    def run_once(self, client, number, seconds=15, what='run'):
        run = self.assert_ok(client.post(f'/v1/syncs/s{number}/{what}', {})).json()['run']
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            newest = client.get(f'/v1/syncs/s{number}/runs').json()['items'][0]
            if newest['run'] == run and newest['state'] in ('finished', 'incomplete', 'failed'):
                return newest
            time.sleep(0.05)
        self.fail(f'the run does not end: {newest}')

    def with_people(self, name='data', options=()):
        server, client = self.started(name, options)
        self.assert_ok(client.put('/v1/schema', {'profiles': {'id': 'profile_id'}}))
        self.assert_ok(client.post('/v1/profiles', rows(0, PEOPLE), NDJSON))
        self.assert_ok(client.put('/v1/segments/pro', {'where': 'plan = "pro"', 'name': 'Pro'}))
        return server, client

    def test_a_name_that_leads_inside_at_the_next_look_up_is_refused(self):
        for number, inside in enumerate(INSIDE):
            name = f'flips{number}.rebind.test'
            self.names.script[name] = [[PUBLIC], [inside]]
            server, client = self.with_people(f'data{number}')
            self.received[8081].clear()
            first = self.deliver(client, 1, f'http://{name}:8081/a')
            self.assertEqual(first['state'], 'finished', first)
            self.assertEqual(self.received[8081], [f'{name}:8081'])
            # The same name in the same process: another port is looked up by itself.
            second = self.deliver(client, 2, f'http://{name}:8082/b')
            self.assertNotEqual(second['state'], 'finished')
            self.assertGreaterEqual(self.names.asked[name][A], 2)
            # And the first destination, once its name is looked up again.
            server.kill()
            server.start()
            client = server.client()
            third = self.run_once(client, 1, what='resync')
            self.assertNotEqual(third['state'], 'finished')
            self.assertEqual(len(self.received[8081]), 1)
            server.kill()
        self.assertEqual(self.canary.touched, [])

    def test_of_mixed_answers_only_what_is_allowed_is_used(self):
        _, client = self.with_people()
        for number, addresses in enumerate(MIXED):
            name = f'mixed{number}.rebind.test'
            self.names.script[name] = [addresses]
            self.received[8083].clear()
            run = self.deliver(client, number, f'http://{name}:8083/m')
            self.assertEqual(run['state'], 'finished', (addresses, run))
            self.assertEqual(self.received[8083], [f'{name}:8083'])
        self.assertEqual(self.canary.touched, [])

    def test_where_the_public_address_does_not_answer_no_other_is_tried(self):
        _, client = self.with_people()
        for number, addresses in enumerate(MIXED):
            name = f'silent{number}.rebind.test'
            self.names.script[name] = [addresses]
            run = self.deliver(client, number, f'http://{name}:{NOBODY}/m')
            self.assertNotEqual(run['state'], 'finished', (addresses, run))
        self.assertEqual(self.canary.touched, [])

    def test_of_answers_that_are_all_inside_none_is_used_and_it_is_said(self):
        _, client = self.with_people()
        self.names.script['inside.rebind.test'] = [list(INSIDE)]
        run = self.deliver(client, 1, 'http://inside.rebind.test:8084/')
        self.assertNotEqual(run['state'], 'finished')
        told = client.get('/v1/destinations/d1/status').body + client.get('/v1/syncs/s1/runs').body
        self.assertRegex(told.decode(), 'loopback|private|link-local|not public')
        self.assertEqual(self.canary.touched, [])

    def test_the_canary_hears_what_an_operator_allowed(self):
        """So a delivery that went there would have been seen."""
        _, client = self.with_people(options=['--allow-destination', '127.0.0.1/32'])
        self.names.script['allowed.rebind.test'] = [['127.0.0.1']]
        self.deliver(client, 1, 'http://allowed.rebind.test:8084/')
        self.assertIn(('127.0.0.1', 8084), self.canary.touched)


if __name__ == '__main__':
    assert muster_client  # Found through test_export.
    make_network()
    unittest.main(verbosity=2)
