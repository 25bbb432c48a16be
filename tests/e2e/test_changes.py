"""The change stream over time: retention, members of a moment, dry runs, and a short soak."""
import json
import os
import subprocess
import sys

from support import NDJSON, ROOT, SCHEMA, MusterCase

BETA = {'where': 'any tags = "beta"'}


class Changes(MusterCase):
    def rows(self, client, query=''):
        answer = self.assert_ok(client.get(f'/v1/changes{query}'))
        return [row['offset'] for row in answer.lines()]

    def members(self, client, at):
        answer = self.assert_ok(client.get(f'/v1/segments/beta/members?at={at}'))
        return [row['profile_id'] for row in answer.lines()]

    def tag(self, client, person, tags):
        row = json.dumps({'profile_id': person, 'tags': tags}).encode()
        self.assert_ok(client.post('/v1/profiles', row, NDJSON))

    def test_rows_past_their_retention_are_gone_for_good(self):
        server, client = self.started_with_people(options=['--changes-retention', '0s'])
        self.assert_ok(client.put('/v1/segments/beta', BETA))
        self.assertEqual(self.rows(client), [1, 2])
        self.assert_ok(client.post('/v1/checkpoint', b''))
        for path in ('/v1/changes?from=1', '/v1/segments/beta/changes?from=2',
                     '/v1/segments/beta/members?at=1', '/v1/segments/beta/count?at=0',
                     '/v1/segments/beta/members?at=2020-01-01T00:00:00Z'):
            with self.subTest(path):
                gone = client.get(path)
                self.assertIn('offset 3', self.assert_problem(gone, 410)['detail'])
                self.assertEqual(gone.headers['X-First-Offset'], '3')
        following = client.request('GET', '/v1/changes', headers={
            'Accept': 'text/event-stream', 'Last-Event-ID': '1'})
        self.assert_problem(following, 410)
        # Who begins anew takes the members, and goes on from there.
        now = self.assert_ok(client.get('/v1/segments/beta/members?at=2'))
        self.assertEqual(now.headers['X-Offset'], '2')
        self.assertEqual([row['profile_id'] for row in now.lines()], ['ana', 'cy'])
        self.tag(client, 'dee', ['beta'])
        self.assertEqual(self.rows(client), [3])
        # Their records are emptied behind two checkpoints; a kill and a backup make no difference.
        for person in ('eve', 'flo', 'gus'):
            self.assert_ok(client.post('/v1/checkpoint', b''))
            self.tag(client, person, ['beta'])
        offset = int(client.get('/v1/changes').headers['X-Next-Offset'])
        client.close()
        server.kill()
        inspected = self.run_muster('inspect', '--data', server.data)
        self.assertEqual(inspected.returncode, 0, inspected.stderr)
        self.assertIn('changes horizon', inspected.stdout)
        verified = self.run_muster('verify', '--data', server.data)
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        self.assertIn('past their retention', verified.stderr)
        to, keys = self.path('copy'), self.path('keys')
        done = self.run_muster('backup', '--data', server.data, '--to', to, '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        restored = self.run_muster('restore', '--from', to, '--to', self.path('other'))
        self.assertEqual(restored.returncode, 0, restored.stderr)
        for data in ('data', 'other'):
            _, client = self.started(data)
            self.assertEqual(client.get('/v1/changes').headers['X-Next-Offset'], str(offset))
            self.assert_problem(client.get('/v1/changes?from=1'), 410)
            self.assertEqual(client.count('in segment "beta"'), 6)
            history = self.assert_ok(client.get('/v1/segments/beta/history')).json()
            self.assertEqual(history['items'][-1]['members'], 6)

    def test_the_option_says_what_is_wrong_with_it(self):
        for options, word in ((['--changes-retention', 'soon'], 'soon'),
                              (['--memory', '--changes-retention', '1d'], '--memory')):
            data = [] if '--memory' in options else ['--data', self.path('d')]
            done = self.run_muster('serve', *data, '--listen', '127.0.0.1:0', *options)
            self.assertIn(word, self.assert_one_sentence(done))

    def test_who_was_in_a_segment_at_a_moment(self):
        _, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', BETA))
        self.tag(client, 'bo', ['beta'])
        self.tag(client, 'ana', ['vip'])
        self.assertEqual([self.members(client, at) for at in range(5)],
                         [[], ['ana'], ['ana', 'cy'], ['ana', 'bo', 'cy'], ['bo', 'cy']])
        count = self.assert_ok(client.get('/v1/segments/beta/count?at=3')).json()
        self.assertEqual((count['count'], count['offset']), (3, 3))
        # By the time at which the third row was known.
        rows = client.get('/v1/changes?from=3&limit=1').lines()
        self.assertEqual(self.members(client, rows[0]['known']), ['ana', 'bo', 'cy'])
        self.assertEqual(self.members(client, '2020-01-01T00:00:00Z'), [])
        first = client.get('/v1/segments/beta/members?at=3&limit=2')
        cursor = first.headers['X-Next-Cursor']
        self.assert_ok(client.delete('/v1/profiles/ana'))
        rest = client.get(f'/v1/segments/beta/members?at=3&cursor={cursor}')
        self.assertEqual([row['profile_id'] for row in first.lines() + rest.lines()],
                         ['ana', 'bo', 'cy'])
        self.assertEqual(self.members(client, 3), ['bo', 'cy'])  # Who was erased is not shown.
        for query, word in (('at=99', 'no change with that offset yet'), ('at=soon', 'RFC 3339'),
                            ('at=2099-01-01T00:00:00Z', 'nobody knows yet'), ('at=', 'RFC 3339'),
                            ('at=1&as_of=2020-01-01T00:00:00Z', "'as_of'"),
                            ('at=1&fields=country', "'fields'"), ('at=1&cursor=x', 'cursor')):
            with self.subTest(query):
                answer = client.get(f'/v1/segments/beta/members?{query}')
                self.assertIn(word, self.assert_problem(answer, 400)['detail'])
        self.assert_problem(client.get('/v1/segments/bta/members?at=1'), 404)
        self.assert_problem(client.get('/v1/segments/bta/count?at=1'), 404)

    def test_a_dry_run_says_who(self):
        _, client = self.started_with_people()
        rows = [{'profile_id': f'p{number:03}', 'tags': ['beta']} for number in range(150)]
        body = ''.join(json.dumps(row) + '\n' for row in rows).encode()
        self.assert_ok(client.post('/v1/profiles', body, NDJSON))
        self.assert_ok(client.put('/v1/segments/s', {'where': 'country = "DE"'}))
        path, entered, left, cursor = '/v1/segments/s?dry_run=1&limit=60', [], [], ''
        while True:
            answer = self.assert_ok(client.put(path + cursor, BETA)).json()
            self.assertEqual([answer[key] for key in ('before', 'after', 'entering', 'leaving')],
                             [1, 152, 152, 1])
            entered += answer['entered']
            left += answer['left']
            if 'next_cursor' not in answer:
                break
            cursor = f'&cursor={answer["next_cursor"]}'
        self.assertEqual(sorted(entered), ['ana', 'cy'] + [row['profile_id'] for row in rows])
        self.assertEqual(left, ['bo'])
        self.assertEqual(client.members('in segment "s"'), ['bo'])
        totals = self.assert_ok(client.put('/v1/segments/s?dry_run=1&limit=0', BETA)).json()
        self.assertEqual((totals['entered'], totals['left'], 'next_cursor' in totals),
                         ([], [], False))
        for query in ('dry_run=1&limit=1001', 'dry_run=1&cursor=x', 'dry_run=2', 'limit=5'):
            with self.subTest(query):
                self.assert_problem(client.put(f'/v1/segments/s?{query}', BETA), 400)
        other = client.put(path + cursor, {'where': 'any tags = "vip"'})
        self.assertIn('not made for this definition', self.assert_problem(other, 400)['detail'])

    def test_a_person_by_an_identifier(self):
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', dict(
            SCHEMA, identifiers={'email': {'normalise': 'email'}, 'phone no': {}})))
        row = {'profile_id': 'zoe', 'email': 'Zoe+a/b@Example.com', 'phone no': '+1 2/3'}
        self.assert_ok(client.post('/v1/profiles', json.dumps(row).encode(), NDJSON))
        self.assert_ok(client.put('/v1/segments/all', {'where': 'everyone'}))
        for path in ('email/zoe%2Ba%2Fb@example.com', 'email/%20ZOE%2Ba%2Fb%40EXAMPLE.com',
                     'phone%20no/%2B1%202%2F3'):
            with self.subTest(path):
                found = self.assert_ok(client.get(f'/v1/profiles/by/{path}')).json()
                self.assertEqual((found['profile_id'], found['segments']), ('zoe', ['all']))
        self.assert_problem(client.get('/v1/profiles/by/email/nobody%40example.com'), 404)
        unknown = self.assert_problem(client.get('/v1/profiles/by/emial/x'), 400)
        self.assertIn("'email'", unknown['detail'])
        self.assert_ok(client.delete('/v1/profiles/zoe'))
        self.assert_problem(client.get('/v1/profiles/by/email/zoe%2Ba%2Fb@example.com'), 404)

    def test_a_short_soak(self):
        """Simulated hours in seconds; and one that loses rows ends red."""
        command = [sys.executable, os.path.join(ROOT, 'tools', 'soak'), '--seed', '7',
                   '--people', '300', '--rate', '60', '--growth-max', '100']
        done = subprocess.run([*command, '--hours', '3'], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('drift 0;', done.stdout)
        done = subprocess.run([*command, '--hours', '0.3', '--sabotage', 'lose-rows'],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
