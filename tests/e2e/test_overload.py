"""More than there is room for: refused quickly, while what was accepted goes on."""
import json
import resource
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from support import NDJSON, MusterCase, muster_client
from test_live import Stream

# Generous, for a machine that does other things too; figures stand in bench/results.
QUICK_SECONDS = 1.0
IDLE_CONNECTIONS = 10_000
SUBSCRIBERS = 1_000


def raise_file_limit(wanted):
    """As many descriptors as wanted, or as may be had; returns how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return soft


def connect(url, number=0):
    """A connection from one of several addresses: each has its own 28,000 ports."""
    place = urllib.parse.urlsplit(url)
    wire = socket.socket()
    wire.settimeout(30)
    wire.bind((f'127.0.0.{1 + number // 5_000}', 0))
    wire.connect((place.hostname, place.port))
    return wire


def events(person, first, count):
    row = {'profile_id': person, 'type': 'purchase', 'ts': '2024-03-01T10:00:00Z', 'amount': 1}
    return b''.join(json.dumps({**row, 'event_id': f'{person}-{n}'}).encode() + b'\n'
                    for n in range(first, first + count))


class Overload(MusterCase):
    def storm(self, url, threads, seconds, ask):
        """Many clients at once; returns [(status, seconds, has Retry-After)]."""
        seen, lock = [], threading.Lock()
        end = time.monotonic() + seconds

        def one(number):
            client = muster_client.Client(url)
            while time.monotonic() < end:
                began = time.monotonic()
                answer = ask(client, number)
                took = time.monotonic() - began
                with lock:
                    seen.append((answer.status, took, 'Retry-After' in answer.headers))
            client.close()

        running = [threading.Thread(target=one, args=(n,)) for n in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return seen

    def test_ingestion_above_capacity_is_refused_and_starves_nobody(self):
        server, client = self.started_with_people()
        batches = [events(f'p{n}', 0, 10_000) for n in range(4)]
        asked, stop = [], threading.Event()

        def ask_on():
            questions = muster_client.Client(server.url)
            while not stop.is_set():
                began = time.monotonic()
                status = questions.post('/v1/count', {'where': 'did "purchase"'}).status
                alive = questions.get('/livez').status
                watch = questions.get('/metrics').status
                asked.append((status, alive, watch, time.monotonic() - began))
            questions.close()

        asking = threading.Thread(target=ask_on)
        asking.start()
        seen = self.storm(server.url, 120, 4,
                          lambda one, n: one.post('/v1/events', batches[n % 4], NDJSON))
        stop.set()
        asking.join()
        statuses = {status for status, _, _ in seen}
        self.assertIn(200, statuses)
        self.assertIn(429, statuses, 'nothing was refused: not enough load')
        self.assertLessEqual(statuses, {200, 429, 503})
        self.assertTrue(all(retry for status, _, retry in seen if status != 200))
        self.assertEqual({answer[:3] for answer in asked}, {(200, 200, 200)})
        self.assertGreater(len(asked), 3)
        self.assertEqual(client.count('did "purchase"'), 1 + 4)

    def test_a_key_has_its_rate(self):
        server, client = self.started_with_people()
        key = client.post('/v1/keys', {'name': 'admin', 'scopes': ['all']}).json()['key']
        admin = server.client(key)
        made = self.assert_ok(admin.post('/v1/keys', {'name': 'slow', 'scopes': ['query'],
                                                      'rate': 5})).json()
        self.assertEqual(made['rate'], 5)
        slow = server.client(made['key'])
        statuses = [slow.get('/v1/schema').status for _ in range(20)]
        self.assertEqual(statuses[:5], [200] * 5)
        self.assertIn(429, statuses)
        refused = slow.get('/v1/schema')
        while refused.status == 200:
            refused = slow.get('/v1/schema')
        self.assertIn('5 requests a second', self.assert_problem(refused, 429)['detail'])
        self.assertEqual(refused.headers['Retry-After'], '1')
        self.assertEqual(slow.get('/livez').status, 200)
        self.assertEqual(admin.get('/v1/schema').status, 200)
        time.sleep(1.1)
        self.assertEqual(slow.get('/v1/schema').status, 200)
        self.assertEqual([item.get('rate') for item in admin.get('/v1/keys').json()['items']
                          if item['name'] == 'slow'], [5])
        for rate in (-1, 1.5, 'many', 1_000_001):
            answer = admin.post('/v1/keys', {'name': 'x', 'scopes': ['query'], 'rate': rate})
            self.assert_problem(answer, 400)
        for each in (admin, slow):
            each.close()

    def test_slow_clients_cost_nobody_else(self):
        server, client = self.started_with_people()
        large = b'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n{'
        members = b'POST /v1/members HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n' \
                  b'{"where":"everyone"}'
        live = b'GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n'
        rows = b''.join(b'{"profile_id":"q%d","note":"%s"}\n' % (n, b'x' * 200)
                        for n in range(20_000))
        self.assert_ok(client.post('/v1/profiles', rows, NDJSON))
        wires = []
        for begun in (b'GET /v1/schema HTTP/1.1\r\nHo', large, members, live):
            for _ in range(60):
                wire = connect(server.url)
                wire.sendall(begun)
                wires.append(wire)
        for number in range(50):
            began = time.monotonic()
            self.assertEqual(client.count('everyone'), 20_003)
            self.assert_ok(client.post('/v1/events', events('ana', number * 10, 10), NDJSON))
            self.assert_ok(client.get('/v1/segments'))
            self.assertLess(time.monotonic() - began, QUICK_SECONDS)
        # What has only been promised of bodies takes no room.
        body = server.client().get('/metrics').body.decode()
        held = next(line for line in body.split('\n') if line.startswith('muster_http_body_bytes'))
        self.assertLess(float(held.split()[1]), 1_000_000)
        for wire in wires:
            wire.close()

    def test_ten_thousand_idle_connections(self):
        if raise_file_limit(IDLE_CONNECTIONS + 500) < IDLE_CONNECTIONS + 500:
            print('not run: this many descriptors may not be had here', flush=True)
            return
        server, client = self.started_with_people()
        wires = [connect(server.url, number) for number in range(IDLE_CONNECTIONS)]
        for number in range(100):
            began = time.monotonic()
            self.assertEqual(client.count('everyone'), 3)
            self.assert_ok(client.post('/v1/events', events('bo', number, 1), NDJSON))
            self.assertLess(time.monotonic() - began, QUICK_SECONDS)
        text = client.get('/metrics').body.decode()
        open_now = next(line for line in text.split('\n')
                        if line.startswith('muster_http_connections '))
        self.assertGreaterEqual(float(open_now.split()[1]), IDLE_CONNECTIONS)
        # Each of them is still served.
        for wire in wires[::1_000]:
            wire.sendall(b'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertIn(b'200 OK', wire.recv(1_000))
        for wire in wires:
            wire.close()
        self.assertEqual(client.count('everyone'), 3)

    def test_few_descriptors_are_survived(self):
        # The limit is of the process that is started, so it is set by the shell that becomes it.
        server = self.server()
        limited = self.write('muster', '#!/bin/sh\nulimit -n 64\nexec "$MUSTER_REAL" "$@"\n')
        subprocess.run(['chmod', '+x', limited], check=True)
        server.environment['MUSTER_REAL'] = server.binary
        server.binary = limited
        server.start()
        client = server.client()
        self.load_people(client)
        wires = []
        for _ in range(400):
            try:
                wires.append(connect(server.url))
            except OSError:
                break
        began = time.process_time(), time.monotonic()
        before = self.cpu_seconds(server)
        time.sleep(1)
        self.assertLess(self.cpu_seconds(server) - before, 0.5 * (time.monotonic() - began[1]))
        self.assertTrue(server.alive())
        for wire in wires:
            wire.close()
        self.wait_until(lambda: self.answers(server))
        client = server.client()
        self.assertEqual(client.count('everyone'), 3)
        self.assert_ok(client.post('/v1/events', events('bo', 0, 1), NDJSON))
        self.assert_ok(client.post('/v1/checkpoint', b''))
        with open(server.log_path, encoding='utf-8') as log:
            told = [line for line in log if 'connections' in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn('the server refuses connections', told[0])

    def cpu_seconds(self, server):
        with open(f'/proc/{server.process.pid}/stat', encoding='utf-8') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def answers(self, server):
        try:
            return server.client().get('/livez').status == 200
        except OSError:
            return False

    def test_a_thousand_subscribers_all_get_the_last_value(self):
        raise_file_limit(SUBSCRIBERS + 500)
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/buyers', {'where': 'did "purchase"'}))
        self.assert_ok(client.put('/v1/segments/rich',
                                  {'where': 'sum(amount of "purchase") > 20'}))
        wires = []
        for number in range(SUBSCRIBERS):
            path = '/v1/live' if number % 2 else '/v1/segments/buyers/live'
            wire = connect(server.url)
            wire.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            wires.append(wire)
        first = Stream(server.url, '/v1/segments/buyers/live')
        first.wait_for(lambda seen: len(seen) == 1)
        for number in range(100):
            self.assert_ok(client.post('/v1/events', events(f'new{number}', 0, 10), NDJSON))
        first.wait_for(lambda seen: seen[-1][2]['count'] == 101, seconds=30)
        self.assert_last_of_each(wires, b'"count":101')
        for wire in wires:
            wire.close()

    def assert_last_of_each(self, wires, wanted):
        """That each stream comes to an event that says so."""
        waiting = dict.fromkeys(wires, b'')
        deadline = time.monotonic() + 30
        while waiting:
            self.assertLess(time.monotonic(), deadline, f'{len(waiting)} were not told')
            for wire in list(waiting):
                wire.settimeout(0.05)
                try:
                    piece = wire.recv(65_536)
                except TimeoutError:
                    continue
                self.assertTrue(piece, 'a stream ended')
                waiting[wire] += piece
                if wanted in waiting[wire]:
                    del waiting[wire]


if __name__ == '__main__':
    unittest.main()
