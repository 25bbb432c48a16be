"""What erased people left: gone from every file, and everybody else as before."""
import json
import os
import unittest

from support import NDJSON
from test_export import LOOPBACK, ReceivingCase

MARKS = ('marked-ana', 'ana@marked.example', 'ana.old@marked.example', 'Marked Street',
         'marked-page')
SCHEMA = {'identifiers': {'email': {'normalise': 'email'}},
          'events': {'profile': 'email', 'identifier': 'email'}}
PEOPLE = 50


def lines(rows):
    return ''.join(json.dumps(row) + '\n' for row in rows).encode()


def person(number):
    return {'profile_id': f'p{number}', 'email': f'p{number}@example.com',
            'street': f'Road {number}'}


def view(email, page):
    return {'email': email, 'type': 'view', 'ts': '2026-01-01T00:00:00Z', 'page': page}


class Compaction(ReceivingCase):
    """A server from which somebody is erased."""

    def marked_files(self):
        """Files of the server, its archive and its backups in which a marked value is read."""
        found = []
        for place, _, names in os.walk(self.folder):
            for name in names:
                if name == 'seen.ndjson':
                    continue  # The destination's own.
                with open(os.path.join(place, name), 'rb') as stream:
                    content = stream.read()
                found += [f'{mark} in {name}' for mark in MARKS if mark.encode() in content]
        return found

    def load(self, client):
        ana = {'profile_id': MARKS[0], 'email': MARKS[2], 'street': f'{MARKS[3]} 7'}
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        self.assert_ok(client.post('/v1/profiles', lines(
            [ana, *(person(number) for number in range(PEOPLE))]), NDJSON))
        self.assert_ok(client.post('/v1/events', lines(
            [view(MARKS[2], f'{MARKS[4]}-1'), view('p1@example.com', 'home')]), NDJSON))
        self.assert_ok(client.post('/v1/profiles', lines([{**ana, 'email': MARKS[1]}]), NDJSON))
        self.assert_ok(client.post('/v1/events', lines([view(MARKS[1], f'{MARKS[4]}-2')]), NDJSON))
        self.assert_ok(client.put('/v1/segments/all', {'where': 'everyone'}))

    def sync(self, client, url):
        self.assert_ok(client.put('/v1/destinations/hook', self.destination(url)))
        self.assert_ok(client.put('/v1/syncs/pro-hook', {
            'segment': 'all', 'destination': 'hook', 'mode': 'diff',
            'mapping': {'mail': 'email'}, 'schedule': 'manual'}))

    def compact(self, *options):
        done = self.run_muster('compact', '--erased', *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def newest_run(self, client):
        return client.get('/v1/syncs/pro-hook/runs').json()['items'][0]['run']

    def test_nothing_is_left_anywhere(self):
        url, log = self.receiver()
        archive = ['--raw-retention', '0s', '--raw-archive', self.path('archive')]
        server, client = self.started(options=[*LOOPBACK, *archive, '--checkpoint-mib', '0'])
        self.load(client)
        for _ in range(2):
            self.assert_ok(client.post('/v1/checkpoint', {}))
            self.assert_ok(client.put('/v1/segments/all', {'where': 'everyone'}))
        self.sync(client, url)
        self.assert_adds_up(self.run_to_end(client))
        self.assert_problem(client.get(f'/v1/profiles/{MARKS[0]}/erasure'), 404)
        self.assert_ok(client.post('/v1/syncs/pro-hook/pause', {}))  # It would be told at once.
        self.assert_ok(client.delete(f'/v1/profiles/{MARKS[0]}'))
        receipt = self.assert_ok(client.get(f'/v1/profiles/{MARKS[0]}/erasure')).json()
        self.assertEqual((receipt['suppressed'], receipt['gone']), (2, False))
        self.assertNotEqual(self.marked_files(), [])

        # The destination has yet to be told, and is told who it is.
        first = self.compact('--server', server.url)
        self.assertEqual((first['snapshot'], first['people'], first['needed']), (0, 1, 1), first)
        self.assertGreaterEqual(first['lines'], 4)
        self.assertEqual(self.marked_files(), [])  # What was sent is packed.
        self.assert_ok(client.post('/v1/syncs/pro-hook/resume', {}))
        self.wait_until(lambda: self.newest_run(client) == 2)
        self.assert_adds_up(self.wait_for_run(client, 2))
        with open(log, encoding='utf-8') as stream:
            told = [json.loads(json.loads(line)['body']) for line in stream]
        self.assertEqual([member['id'] for one in told if one['operation'] == 'remove'
                          for member in one['members']], [MARKS[0]])
        self.wait_until(lambda: '"confirmed"' in
                        client.get(f'/v1/profiles/{MARKS[0]}/erasure').body.decode())
        second = self.compact('--server', server.url)
        self.assertEqual(second['needed'], 0, second)
        self.assertGreaterEqual(second['deliveries'], 2)  # The removal, and the sealed name.
        self.assertGreater(second['snapshot'], 0)
        receipt['gone'] = True
        after = client.get(f'/v1/profiles/{MARKS[0]}/erasure').json()
        self.assertEqual(len(receipt.pop('destinations')), len(after.pop('destinations')))
        self.assertEqual(after, receipt)
        self.assertEqual(self.compact('--server', server.url)['snapshot'], 0)

        # Late rows are refused, and leave nothing either.
        late = client.post('/v1/events', lines([view(MARKS[1], f'{MARKS[4]}-3'),
                                                view('p2@example.com', 'home')]), NDJSON)
        self.assertEqual(self.assert_ok(late).json()['rejected'], 1)
        server.kill()
        server.start()
        client = server.client()
        self.assertEqual(client.count('everyone'), PEOPLE)
        self.assertEqual(client.count('did "view"'), 2)
        self.assertEqual(client.get('/v1/erasures').json()['items'], [receipt])
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('backup'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.marked_files(), [])
        for command in ('inspect', 'verify', 'rebuild'):
            done = self.run_muster(command, '--data', server.data)
            self.assertEqual(done.returncode, 0, command + done.stderr)
            if command == 'inspect':
                self.assertRegex(done.stdout, r'compaction +\d+ records|"kind":"compaction"')

    def test_of_a_stopped_server(self):
        server, client = self.started()
        self.load(client)
        self.assert_ok(client.post('/v1/checkpoint', {}))
        self.assert_ok(client.delete(f'/v1/profiles/{MARKS[0]}'))
        busy = self.run_muster('compact', '--erased', '--data', server.data)
        self.assertIn('another process', self.assert_one_sentence(busy))
        self.assertEqual(server.stop(), 0)
        self.assertNotEqual(self.marked_files(), [])
        done = self.compact('--data', server.data)
        self.assertEqual(done['people'], 1)
        self.assertEqual(self.marked_files(), [])
        server.start()
        self.assertEqual(server.client().count('everyone'), PEOPLE)

    def test_bad_input(self):
        wrong = self.run_muster('compact', '--data', self.path('nothing'))
        self.assertIn('--erased', self.assert_one_sentence(wrong))
        # A name that was mistyped is no directory in which nothing is left to do.
        for command in (['compact', '--erased'], ['rebuild'],
                        ['unarchive', '--archive', self.path('archive')]):
            wrong = self.run_muster(*command, '--data', self.path('nothing'))
            self.assertIn('there are no data', self.assert_one_sentence(wrong))
            self.assertFalse(os.path.exists(self.path('nothing')))
        wrong = self.run_muster('compact', '--erased', '--raw-archive', self.path('archive'))
        self.assertIn('--data', self.assert_one_sentence(wrong))
        _, client = self.started('memory', ['--memory'])
        self.assert_problem(client.post('/v1/compact', {}), 400, 409, 422, 501)


if __name__ == '__main__':
    unittest.main()
