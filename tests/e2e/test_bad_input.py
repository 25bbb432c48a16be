"""Bad input of every kind: one clear sentence, a non-zero exit or a 4xx, and nothing changes."""
import gzip
import json
import os
import shutil
import socket
import subprocess
import unittest

from support import EVENTS, NDJSON, PROFILES, SCHEMA, MusterCase, muster_client

# (expression, statuses, what the answer must name, line, column, nearest name)
WRONG_EXPRESSIONS = [
    ('contry = "FR"', 'contry', 1, 1, 'country'),
    ('country = "FR" and\n  aeg > 3', 'aeg', 2, 3, 'age'),
    ('did "purchas"', 'purchas', 1, 5, 'purchase'),
    ('sum(amont of "purchase") > 1', 'amont', 1, 5, 'amount'),
    ('count("purchase" where (product.categry = "x")) > 1', 'categry', 1, None, 'product.category'),
    ('country > 5', 'number', 1, None, None),
    ('age = "old"', 'number', 1, None, None),
    ('country = "FR', None, 1, 11, None),
    ('(country = "FR"', None, 1, None, None),
    ('country =', None, 1, 10, None),
    ('country = "FR" extra', None, 1, 16, None),
    ('', None, None, None, None),
    ('in segment "nowhere"', 'nowhere', 1, None, None),
    ('tags = "vip"', 'tags', 1, None, None),
    ('age in ("1", 2)', None, 1, None, None),
    ('last("purchase") in last 5 apples', None, 1, None, None),
]


class WrongQuestions(MusterCase):
    def test_errors_have_a_place_and_a_sentence(self):
        _, client = self.started_with_people()
        for text, named, line, column, nearest in WRONG_EXPRESSIONS:
            for route in ('/v1/count', '/v1/members'):
                with self.subTest(text, route=route):
                    document = self.assert_problem(client.post(route, {'where': text}),
                                                   400, 404)
                    if named:
                        self.assertIn(named, document['detail'])
                    if line:
                        first = document['errors'][0]
                        self.assertEqual(first.get('line'), line, document)
                        if column:
                            self.assertEqual(first.get('column'), column, document)
                        if nearest:
                            self.assertEqual(first.get('nearest'), nearest, document)

    def test_check_tells_the_same_without_failing(self):
        _, client = self.started_with_people()
        answer = self.assert_ok(client.post('/v1/check', {'where': 'contry = "FR"'})).json()
        self.assertFalse(answer['valid'])
        self.assertEqual(answer['errors'][0]['nearest'], 'country')

    def test_the_command_line_says_one_sentence(self):
        server, _ = self.started_with_people()
        for text in ('contry = "FR"', 'country = "FR', 'did "purchas"'):
            with self.subTest(text):
                done = self.run_muster('count', text, '--server', server.url)
                self.assert_one_sentence(done)
                self.assertEqual(done.stdout, '')


class WrongRequests(MusterCase):
    def unchanged(self, client):
        """What must be the same before and after."""
        return (client.count('everyone'), client.get('/v1/schema').body,
                client.get('/v1/segments').body, client.get('/v1/destinations').body)

    def test_wrong_requests_change_nothing(self):
        server, client = self.started_with_people()
        before = self.unchanged(client)
        image = bytes(range(256)) * 64
        destination = {'kind': 'webhook', 'secret': 'whsec_' + 'QUFB' * 11}
        cases = [
            ('PUT', '/v1/schema', b'{"profiles":', None),
            ('PUT', '/v1/schema', {'profiles': {'id': 5}}, None),
            ('PUT', '/v1/schema', {'nonsense': 1}, None),
            ('PUT', '/v1/schema', {'fields': {'profiles.age': {'type': 'colour'}}},
             '/fields/profiles.age/type'),
            ('PUT', '/v1/schema', dict(SCHEMA, timezone='Mars/Olympus'), 'Mars/Olympus'),
            ('PUT', '/v1/schema', dict(SCHEMA, references={'purchase.product_id': 'ship'}),
             'ship'),
            ('POST', '/v1/entities/ships', b'{"id":"1"}\n', 'ships'),
            ('POST', '/v1/userinfo/unknown', b'{"id":"1"}\n', 'unknown'),
            ('PUT', '/v1/segments/x', {'where': 'contry = "FR"', 'name': 'x'}, 'contry'),
            ('PUT', '/v1/segments/x', {'name': 'x'}, 'where'),
            ('PUT', '/v1/segments/x', b'not json', None),
            ('PUT', '/v1/destinations/d', dict(destination, url='not a url'), None),
            ('PUT', '/v1/destinations/d', dict(destination, url='ftp://example.com/x'), None),
            ('PUT', '/v1/destinations/d', dict(destination, url='http://127.0.0.1/x'), None),
            ('PUT', '/v1/destinations/d', dict(destination, url='http://169.254.169.254/'), None),
            ('PUT', '/v1/destinations/d', dict(destination, url='http://[::1]:80/'), None),
            ('PUT', '/v1/destinations/d', dict(destination, url=''), None),
            ('PUT', '/v1/syncs/s', {'segment': 'none', 'destination': 'none'}, None),
            ('POST', '/v1/syncs/none/run', {}, None),
            ('POST', '/v1/count', {'where': 'everyone', 'as_of': 'yesterday'}, 'as_of'),
            ('POST', '/v1/count', {'where': 'everyone', 'colour': 'red'}, 'colour'),
            ('POST', '/v1/count', image, None),
            ('GET', '/v1/profiles/nobody', None, None),
            ('GET', '/nowhere', None, None),
            ('DELETE', '/v1/count', None, None),
        ]
        for method, path, body, named in cases:
            with self.subTest(f'{method} {path} {str(body)[:60]}'):
                answer = client.request(method, path, body)
                document = self.assert_problem(answer, *range(400, 423))
                if named:
                    self.assertIn(named, json.dumps(document))
                self.assertEqual(self.unchanged(client), before)
        self.assertTrue(server.alive())

    def test_a_wrong_file_loads_nothing(self):
        _, client = self.started_with_people()
        for name, body in (('image', bytes(range(256)) * 64), ('one line', b'x' * 10000),
                           ('html', b'<html>\n<body>\n</body>\n</html>\n')):
            with self.subTest(name):
                answer = client.post('/v1/profiles', body, NDJSON)
                if answer.status == 200:
                    self.assertEqual(answer.json()['accepted'], 0)
                    self.assertGreater(answer.json()['rejected'], 0)
                else:
                    self.assert_problem(answer, 400)
                self.assertEqual(client.count('everyone'), 3)


class WrongFiles(MusterCase):
    """muster load with files that are not what they should be."""

    def test_each_ends_with_a_sentence_and_loads_nothing(self):
        server, client = self.started_with_people()
        rows = b'{"profile_id":"n1"}\n' * 2000
        schema = self.write('schema.json', json.dumps(SCHEMA))
        cut = self.write('cut.ndjson.gz', gzip.compress(rows)[:-20])
        cases = [
            ['--profiles', self.path('absent.ndjson')],
            ['--profiles', self.folder],
            ['--profiles', cut],
            ['--profiles', self.write('fake.ndjson.gz', rows)],
            ['--schema', self.write('bad.json', b'{"profiles":'),
             '--profiles', self.write('p.ndjson', PROFILES)],
            ['--entities', 'ship=' + self.write('ships.ndjson', b'{"id":"1"}\n')],
            ['--entities', 'no equals sign'],
            ['--no-such-option'],
        ]
        for options in cases:
            with self.subTest(' '.join(options).replace(self.folder, '')):
                done = self.run_muster('load', '--server', server.url, '--schema', schema,
                                       *options) if '--schema' not in options else \
                    self.run_muster('load', '--server', server.url, *options)
                self.assert_one_sentence(done)
                self.assertEqual(client.count('everyone'), 3)

    def test_lines_that_are_refused_are_written_down(self):
        server, client = self.started_with_people()
        mixed = self.write('mixed.ndjson', b'{"profile_id":"n1"}\n{oops\n{"profile_id":"n2"}\n')
        done = self.run_muster('load', '--server', server.url, '--profiles', mixed)
        self.assertEqual(client.count('everyone'), 5)
        self.assertIn('2', done.stdout + done.stderr)
        rejected = client.get('/v1/rejected')
        self.assertIn(b'"line":2', self.assert_ok(rejected).body.replace(b' ', b''))

    def test_no_server_there(self):
        with socket.socket() as unused:
            unused.bind(('127.0.0.1', 0))
            url = f'http://127.0.0.1:{unused.getsockname()[1]}'
        sentence = self.assert_one_sentence(self.run_muster('count', 'everyone', '--server', url))
        self.assertIn(url.split('//')[1], sentence)


class WrongPlaces(MusterCase):
    """Ports and data directories that cannot be used."""

    def serve(self, data, listen='127.0.0.1:0', **more):
        return self.run_muster('serve', '--data', data, '--listen', listen, timeout=30, **more)

    def test_a_port_in_use(self):
        server, client = self.started_with_people()
        port = server.url.rsplit(':', 1)[1]
        sentence = self.assert_one_sentence(self.serve(self.path('other'), f'127.0.0.1:{port}'))
        self.assertIn(port, sentence)
        self.assertEqual(client.count('everyone'), 3)

    def test_an_address_that_is_none(self):
        for listen in ('nonsense', '127.0.0.1', '127.0.0.1:99999', '192.0.2.1:8080'):
            with self.subTest(listen):
                self.assert_one_sentence(self.serve(self.path('data'), listen))

    def test_a_directory_in_use(self):
        server, client = self.started_with_people()
        sentence = self.assert_one_sentence(self.serve(server.data))
        self.assertIn(server.data, sentence)
        self.assertEqual(client.count('everyone'), 3)

    def test_a_directory_of_a_newer_version_is_left_as_it_is(self):
        server, _ = self.started_with_people()
        server.stop()
        format_file = os.path.join(server.data, 'FORMAT')
        with open(format_file, encoding='utf-8') as stream:
            before = stream.read()
        with open(format_file, 'w', encoding='utf-8') as stream:
            stream.write(before.replace('1', '999'))
        listing = tree_of(server.data)
        sentence = self.assert_one_sentence(self.serve(server.data))
        self.assertIn('newer', sentence)
        self.assertEqual(tree_of(server.data), listing)
        with open(format_file, 'w', encoding='utf-8') as stream:
            stream.write(before)
        self.assertEqual(server.start().client().count('everyone'), 3)

    def test_somebody_elses_directory_is_left_as_it_is(self):
        foreign = self.path('foreign')
        os.mkdir(foreign)
        self.write('foreign/notes.txt', 'mine')
        listing = tree_of(foreign)
        self.assert_one_sentence(self.serve(foreign))
        self.assertEqual(tree_of(foreign), listing)

    def test_a_file_in_the_place_of_a_directory(self):
        self.assert_one_sentence(self.serve(self.write('file', 'x')))
        self.assert_one_sentence(self.serve(self.path('file', 'below')))

    def test_an_unreadable_directory(self):
        closed = self.path('closed')
        os.mkdir(closed)
        os.chmod(closed, 0)
        self.addCleanup(os.chmod, closed, 0o700)
        as_somebody = {}
        if os.getuid() == 0:
            # Root may read everything: run as a user who may not, and can reach the program.
            os.chmod(self.folder, 0o755)
            program = self.path('muster')
            shutil.copy(muster_client.default_binary(), program)
            os.environ['MUSTER_BINARY'], before = program, os.environ.get('MUSTER_BINARY', '')
            self.addCleanup(os.environ.__setitem__, 'MUSTER_BINARY', before)
            as_somebody = {'user': 65534, 'group': 65534, 'extra_groups': []}
        sentence = self.assert_one_sentence(self.serve(closed, **as_somebody))
        self.assertIn(closed, sentence)

    def test_damage_is_named_and_not_served(self):
        server, _ = self.started_with_people()
        server.kill()
        shutil.rmtree(os.path.join(server.data, 'log'))
        self.assert_one_sentence(self.serve(server.data))


class FullDisk(MusterCase):
    DISK_MIB = 320

    def test_writes_are_refused_and_questions_go_on(self):
        disk = self.path('disk')
        os.mkdir(disk)
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={self.DISK_MIB}m', 'tmpfs',
                                  disk], capture_output=True, check=False)
        if mounted.returncode != 0:
            print('not run: no permission to mount a small disk', flush=True)
            return
        self.addCleanup(subprocess.run, ['umount', '-l', disk], check=False)
        server = muster_client.Server(os.path.join(disk, 'data'))
        server.log_path = self.path('server.log')
        self.addCleanup(server.kill)
        client = server.start().client()
        self.load_people(client)
        ballast = os.path.join(disk, 'ballast')
        self.fill(ballast)
        answer = client.post('/v1/profiles', b'{"profile_id":"late"}\n', NDJSON)
        self.assert_problem(answer, 507)
        self.assertTrue(answer.headers.get('Retry-After'))
        self.assertEqual(client.count('everyone'), 3)
        self.assertEqual(client.count('did "purchase"'), 1)
        client.close()
        server.stop()
        client = server.start().client()
        self.assertEqual(client.count('everyone'), 3)
        os.remove(ballast)
        self.assert_ok(client.post('/v1/events', EVENTS, NDJSON))
        self.assert_ok(client.post('/v1/profiles', b'{"profile_id":"late"}\n', NDJSON))
        self.assertEqual(client.count('everyone'), 4)
        client.close()
        server.kill()

    def fill(self, path):
        """Takes every byte that is left."""
        with open(path, 'wb') as stream:
            try:
                while True:
                    stream.write(bytes(1 << 20))
                    stream.flush()
            except OSError:
                pass


def tree_of(folder):
    """Every path below a folder with its size and bytes."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), 'rb') as stream:
                found[os.path.join(path, name)] = stream.read()
    return found


if __name__ == '__main__':
    unittest.main()
