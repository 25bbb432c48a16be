"""Data that breaks careless programs, over HTTP: verdicts as in the manifests, a server that is
alive after each, and nothing half loaded."""
import gzip
import json
import unittest

from support import NDJSON, SCHEMA, MusterCase, has_shared_data, shared

JSON_HEADERS = {'Content-Type': 'application/json'}
GZIP_NDJSON = {'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip'}


def manifest(folder):
    with open(shared('data', 'hostile', folder, 'manifest.ndjson'), encoding='utf-8') as stream:
        return [json.loads(line) for line in stream if line.strip()]


def hostile(folder, name):
    with open(shared('data', 'hostile', folder, name), 'rb') as stream:
        return stream.read()


class HostileEventFiles(MusterCase):
    """event-files/: awkward ends, lines and bytes."""

    SCHEMA = {'profiles': {'id': 'profile'},
              'events': {'profile': 'profile', 'name': 'event', 'time': 'at', 'id': 'event_id'}}

    def test_good_lines_count_once_and_bad_lines_are_reported(self):
        if not has_shared_data():
            return
        for entry in manifest('event-files'):
            with self.subTest(file=entry['file']):
                self.check_file(entry)

    def check_file(self, entry):
        server, client = self.started(entry['file'])
        self.assert_ok(client.put('/v1/schema', self.SCHEMA))
        body = hostile('event-files', entry['file'])
        answer = client.post('/v1/events', body, NDJSON)
        if entry['good_lines'] is None:
            self.check_byte_order_mark(answer, client, body)
        elif not body:
            self.assertIn(answer.status, (200, 400), answer.body)
        else:
            receipt = self.assert_ok(answer).json()
            self.assertEqual(receipt['accepted'], entry['good_lines'], receipt)
            self.assertEqual(receipt['rejected'], entry['bad_lines'], receipt)
            self.check_reported_lines(receipt, body)
            self.check_effect(client, entry['good_lines'])
        self.assert_ok(client.get('/livez'))
        server.stop()
        restarted = server.start().client()
        self.check_effect(restarted, entry['good_lines'] if body else 0)
        restarted.close()
        server.stop()

    def check_byte_order_mark(self, answer, client, body):
        """A mark before the first line: that line is refused or taken, never half."""
        good = len(body.splitlines())
        if answer.status == 200:
            receipt = answer.json()
            self.assertEqual(receipt['accepted'] + receipt['rejected'], good)
            self.check_effect(client, receipt['accepted'])
        else:
            self.assert_problem(answer, 400)

    def check_reported_lines(self, receipt, body):
        """The numbers of the bad lines are those of the file."""
        wanted = []
        for number, line in enumerate(body.split(b'\n'), 1):
            if not line.strip(b' \r\t'):
                continue
            try:
                self.assertLess(len(line), 1 << 20)
                json.loads(line.decode('utf-8'))
            except (ValueError, AssertionError):
                wanted.append(number)
        self.assertEqual([error['line'] for error in receipt['errors']], wanted)
        for error in receipt['errors']:
            self.assertGreater(len(error['reason']), 10)

    def check_effect(self, client, events):
        if events is None:
            return
        if events == 0:
            self.assertEqual(client.count('everyone'), 0)
            return
        self.assertEqual(client.count(f'did "view"'), len(client.members('everyone')))
        total = sum(client.count(f'count("view") >= {n}') for n in (1, 2, 3, 100))
        # Each of these files has one event a person, but for duplicates: 100 of one person.
        self.assertEqual(total, 4 if events == 100 else events)


class HostileJson(MusterCase):
    """json/: every document as the value of one field."""

    def send(self, client, raw, number):
        body = b'[{"profile_id":"p%d","v%d":' % (number, number) + raw + b'}]'
        return client.post('/v1/profiles', body, JSON_HEADERS)

    def outcome(self, answer):
        """Whether the row was taken; anything but a clean yes or no fails."""
        if answer.status == 200:
            receipt = answer.json()
            self.assertEqual(receipt['accepted'] + receipt['rejected'], 1, receipt)
            return receipt['accepted'] == 1
        self.assert_problem(answer, 400)
        return False

    def test_documents_of_the_suite(self):
        if not has_shared_data():
            return
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        people = 0
        for number, entry in enumerate(manifest('json')):
            with self.subTest(file=entry['file']):
                taken = self.outcome(self.send(client, hostile('json', entry['file']), number))
                people += taken
                if entry['verdict'] == 'accept':
                    self.assertTrue(taken)
                if entry['verdict'] == 'reject':
                    self.assertFalse(taken)
                self.assertEqual(client.count('everyone'), people)

    def test_numbers_are_exact_or_refused(self):
        if not has_shared_data():
            return
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        for number, entry in enumerate(json.loads(hostile('json', 'numbers.json'))):
            raw, verdict = entry['raw'], entry['verdict']
            with self.subTest(raw=raw[:40]):
                taken = self.outcome(self.send(client, raw.encode(), number))
                if verdict == 'accept':
                    self.assertTrue(taken)
                elif verdict == 'reject':
                    self.assertFalse(taken)
                if taken and verdict in ('accept', 'exact-or-reject'):
                    self.check_reads_back(client, number, raw)

    def check_reads_back(self, client, number, raw):
        """The person has exactly this number, and no near one."""
        profile = self.assert_ok(client.get(f'/v1/profiles/p{number}'))
        document = json.loads(profile.body, parse_int=str, parse_float=str)
        value = document['attributes'][f'v{number}']
        self.assertEqual(float(value), float(raw))
        if raw.lstrip('-').isdigit():
            self.assertEqual(int(value), int(raw))

    def test_ids_are_texts(self):
        if not has_shared_data():
            return
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', {'profiles': {'id': 'id'}}))
        for entry in json.loads(hostile('json', 'documents.json')):
            with self.subTest(raw=entry['raw']):
                before = client.count('everyone')
                answer = client.post('/v1/profiles', entry['raw'].encode(), NDJSON)
                taken = self.outcome(answer)
                if entry['verdict'] == 'reject':
                    self.assertFalse(taken)
                self.assertEqual(client.count('everyone'), before + taken)

    def test_sizes_are_bounded(self):
        if not has_shared_data():
            return
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        for number, entry in enumerate(json.loads(hostile('json', 'sizes.json'))):
            with self.subTest(**entry):
                answer = self.send(client, sized_document(entry), number)
                if answer.status != 413:
                    self.outcome(answer)
                self.assert_ok(client.get('/livez'))
        self.assertEqual(client.count('everyone'), len(client.members('everyone')))


def sized_document(entry):
    """A document too big to store, from its description."""
    shape = entry['shape']
    if shape == 'string':
        return b'"' + b'x' * entry['bytes'] + b'"'
    if shape == 'keys':
        return b'{' + b','.join(b'"k%d":1' % n for n in range(entry['count'])) + b'}'
    return shape.split('*')[0].encode() * entry['depth']


class CompressedBodies(MusterCase):
    """compressed/: gzip that lies, breaks off or unpacks without end."""

    def test_verdicts(self):
        if not has_shared_data():
            return
        server, client = self.started()
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        for entry in manifest('compressed'):
            with self.subTest(file=entry['file']):
                body = hostile('compressed', entry['file'])
                if entry['file'].endswith('.deflate'):
                    self.check_deflate(client, body)
                else:
                    self.check_gzip(client, entry, body)
                self.assertTrue(server.alive())
                self.assert_ok(client.get('/livez'))
                self.assertLess(resident_mib(server), 1024)
        self.assertEqual(client.count('everyone'), 0)

    def check_gzip(self, client, entry, body):
        if entry['verdict'] == 'accept':
            # It unpacks; its rows have no profile_id and are refused one by one.
            receipt = self.assert_ok(client.post('/v1/profiles', body, GZIP_NDJSON)).json()
            self.assertEqual(receipt['accepted'], 0)
            self.assertGreater(receipt['rejected'], 10)
        elif entry['verdict'].startswith('413'):
            # A bulk body may have 64 MiB (docs/decisions/0008): less is one line, and too long.
            answer = client.post('/v1/profiles', body, GZIP_NDJSON)
            if entry['unpacked'] > 64 << 20:
                self.assert_problem(answer, 413)
            else:
                self.assertEqual(self.assert_ok(answer).json()['accepted'], 0)
            answer = client.post('/v1/count', body, {'Content-Encoding': 'gzip'})
            self.assert_problem(answer, 400, 413, 415)
        elif entry['file'] == 'twice.gz':
            answer = client.post('/v1/profiles', body, GZIP_NDJSON)
            if answer.status == 200:
                self.assertEqual(answer.json()['accepted'], 0)
            else:
                self.assert_problem(answer, 400)
        else:
            self.assert_problem(client.post('/v1/profiles', body, GZIP_NDJSON), 400)

    def check_deflate(self, client, body):
        headers = {'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'deflate'}
        answer = client.post('/v1/profiles', body, headers)
        if answer.status == 200:
            self.assertEqual(answer.json()['accepted'], 0)
        else:
            self.assert_problem(answer, 400, 415)

    def test_a_cut_body_loads_nothing(self):
        server, client = self.started_with_people()
        more = gzip.compress(b''.join(b'{"profile_id":"n%d"}\n' % n for n in range(5000)))
        for keep in (1, 10, len(more) // 2, len(more) - 9, len(more) - 1):
            with self.subTest(bytes=keep):
                self.assert_problem(client.post('/v1/profiles', more[:keep], GZIP_NDJSON), 400)
                self.assertEqual(client.count('everyone'), 3)
        self.assertEqual(self.assert_ok(client.post('/v1/profiles', more, GZIP_NDJSON)).json()
                         ['accepted'], 5000)
        self.assertTrue(server.alive())


def resident_mib(server):
    """Memory of the process, from /proc."""
    with open(f'/proc/{server.process.pid}/status', encoding='utf-8') as stream:
        line = next(line for line in stream if line.startswith('VmRSS'))
    return int(line.split()[1]) >> 10


if __name__ == '__main__':
    unittest.main()
