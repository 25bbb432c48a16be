"""Requests that break careless servers: shapes of expressions, and raw bytes on the socket."""
import json
import socket
import time
import unittest
import urllib.parse

from support import MusterCase, has_shared_data, shared

LEAF = 'country = "FR"'
REFUSED = (400, 413, 422)
ANSWER_SECONDS_MAX = 5


def chain(word, count):
    return f' {word} '.join([LEAF] * count)


def nested(left, right, depth):
    return left * depth + LEAF + right * depth


def hostile_expressions():
    """(name, text): the shapes of expressions/shapes.json in our language."""
    for depth in (10, 100, 1000, 10000, 100000):
        yield f'not chain {depth}', 'not ' * depth + LEAF
    for depth in (10, 100, 1000, 10000):
        yield f'left-deep and {depth}', '(' * depth + LEAF + f' and {LEAF})' * depth
        yield f'right-deep or {depth}', nested(f'{LEAF} or (', ')', depth)
    for width in (1000, 10000, 30000):
        yield f'wide or {width}', chain('or', width)
    for depth in (1000, 100000):
        yield f'parentheses {depth}', nested('(', ')', depth)
        yield f'unbalanced {depth}', '(' * depth
        yield f'unclosed list {depth}', 'country in (' * depth
    for width in (1000, 50000):
        values = ','.join(f'"{n}"' for n in range(width))
        yield f'in list {width}', f'country in ({values})'
    for width in (10, 20, 30, 64):
        pairs = ' and '.join(f'(age = {n} or age = {n + 100})' for n in range(width))
        yield f'distribute {width}', pairs
    yield 'tautology', ' or '.join([f'{LEAF} or not {LEAF}'] * 500)
    yield 'range inverted', 'age between 100 and 1'
    yield 'long string', f'country = "{"x" * 100000}"'
    yield 'longer than a mebibyte', f'country = "{"x" * (1 << 20)}"'
    yield 'many windows', chain('and', 1) + ' and did "purchase" in last 1d' * 3000
    yield 'a number without end', 'age = ' + '1' * 5000
    yield 'deep json', '{"not":' * 5000 + '{}' + '}' * 5000
    yield 'nul', 'country = "\0"'
    yield 'only space', ' ' * 100000


class HostileExpressions(MusterCase):
    def test_each_is_refused_or_answered_in_time(self):
        server, client = self.started_with_people()
        for name, text in hostile_expressions():
            with self.subTest(name):
                began = time.monotonic()
                answer = client.post('/v1/count', {'where': text})
                took = time.monotonic() - began
                if answer.status == 200:
                    self.assertIn(answer.json()['count'], range(4))
                else:
                    self.assert_problem(answer, *REFUSED)
                self.assertLess(took, ANSWER_SECONDS_MAX)
                self.assertTrue(server.alive())
        self.assertEqual(client.count('everyone'), 3)

    def test_shapes_that_are_answered_are_answered_right(self):
        _, client = self.started_with_people()
        self.assertEqual(client.count('not ' * 10 + LEAF), 1)
        self.assertEqual(client.count('not ' * 11 + LEAF), 2)
        self.assertEqual(client.count(chain('or', 1000)), 1)
        self.assertEqual(client.count(f'{LEAF} or not {LEAF}'), 3)
        self.assertEqual(client.count('age between 100 and 1'), 0)
        values = ','.join(f'"{n}"' for n in range(5000))
        self.assertEqual(client.count(f'country in ({values},"DE")'), 1)

    def test_segments_that_double_stay_cheap(self):
        """Segment k is (k-1 and k-1): 2 to the k leaves when expanded."""
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/s0', {'where': LEAF, 'name': 's0'}))
        for level in range(1, 41):
            where = f'in segment "s{level - 1}" and in segment "s{level - 1}"'
            answer = client.put(f'/v1/segments/s{level}', {'where': where, 'name': 's'})
            if answer.status not in (200, 201):
                self.assert_problem(answer, *REFUSED)
                break
            began = time.monotonic()
            answer = client.post('/v1/count', {'where': f'in segment "s{level}"'})
            self.assertLess(time.monotonic() - began, ANSWER_SECONDS_MAX)
            if answer.status == 200:
                self.assertEqual(answer.json()['count'], 1)
            else:
                self.assert_problem(answer, *REFUSED)
        self.assertTrue(server.alive())

    def test_segments_in_a_circle_are_refused(self):
        _, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/a', {'where': LEAF, 'name': 'a'}))
        self.assert_problem(client.put('/v1/segments/a',
                                       {'where': 'in segment "a"', 'name': 'a'}), 400, 409, 422)
        self.assert_ok(client.put('/v1/segments/b', {'where': 'in segment "a"', 'name': 'b'}))
        self.assert_problem(client.put('/v1/segments/a',
                                       {'where': 'not in segment "b"', 'name': 'a'}),
                            400, 409, 422)
        self.assertEqual(client.count('in segment "b"'), 1)

    def test_regular_expressions_are_linear(self):
        if not has_shared_data():
            return
        with open(shared('data', 'hostile', 'expressions', 'patterns.json'),
                  encoding='utf-8') as stream:
            patterns = json.load(stream)
        _, client = self.started_with_people()
        for number, entry in enumerate(patterns):
            text = entry['input']['repeat'] * entry['input']['count'] + entry['input']['suffix']
            row = json.dumps({'profile_id': f'x{number}', 'country': text})
            self.assert_ok(client.post('/v1/profiles', row,
                                       {'Content-Type': 'application/x-ndjson'}))
        for entry in patterns:
            with self.subTest(pattern=entry['pattern']):
                where = f'country matches {json.dumps(entry["pattern"])}'
                began = time.monotonic()
                answer = client.post('/v1/count', {'where': where})
                self.assertLess(time.monotonic() - began, 1)
                if answer.status != 200:
                    self.assert_problem(answer, *REFUSED)


def exchange(url, data):
    """Everything that a server sends for these bytes, and whether it closed by itself."""
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=2) as wire:
        try:
            wire.sendall(data)
        except OSError:
            pass  # Refused before the end: the answer may be there already.
        received = b''
        wire.settimeout(0.3)
        half_closed = False
        while True:
            try:
                piece = wire.recv(65536)
            except (TimeoutError, socket.timeout):
                if half_closed:
                    return received, False
                half_closed = True
                wire.settimeout(3)
                wire.shutdown(socket.SHUT_WR)
                continue
            except OSError:
                return received, True
            if not piece:
                return received, True
            received += piece


def statuses(received):
    """The status codes of the answers in a stream of them."""
    found = []
    for line in received.split(b'\r\n'):
        if line.startswith(b'HTTP/1.'):
            found.append(int(line.split(b' ')[1]))
    return found


class HostileHttp(MusterCase):
    """http/requests: raw bytes, with verdicts."""

    def test_verdicts(self):
        if not has_shared_data():
            return
        server, client = self.started_with_people()
        folder = shared('data', 'hostile', 'http')
        with open(f'{folder}/manifest.ndjson', encoding='utf-8') as stream:
            entries = [json.loads(line) for line in stream if line.strip()]
        for entry in entries:
            if not entry['file'].startswith('requests/'):
                continue
            with self.subTest(file=entry['file'], verdict=entry['verdict']):
                with open(f'{folder}/{entry["file"]}', 'rb') as stream:
                    data = stream.read()
                received, closed = exchange(server.url, data)
                self.assertTrue(server.alive())
                self.assert_verdict(entry, data, statuses(received), closed)
                self.assert_ok(client.get('/livez'))
        self.assertEqual(client.count('everyone'), 3)

    def assert_verdict(self, entry, data, codes, closed):
        if entry['verdict'] == 'reject':
            self.assertTrue(closed, 'the connection stays open')
            final = [code for code in codes if code >= 200]
            self.assertLessEqual(len(final), max(1, data.count(b'HTTP/1.')), codes)
            if final:
                self.assertTrue(400 <= final[-1] < 500 or final[-1] in (501, 505), codes)
            self.assertNotIn(200, final[-1:], codes)
        # What is smuggled behind a request would be one answer more.
        if b'/smuggled' in data and entry['verdict'] == 'reject':
            self.assertEqual(len([code for code in codes if code >= 200]), 1, codes)


if __name__ == '__main__':
    unittest.main()
