"""Fields made from the rows that came before they were declared so."""
import json
import time

from support import NDJSON, MusterCase


def lines(rows):
    return ''.join(json.dumps(row) + '\n' for row in rows).encode()


class Derive(MusterCase):
    """Over HTTP, by the command line, and after a kill."""

    def wait_for_end(self, client):
        while True:
            state = self.assert_ok(client.get('/v1/schema/derive')).json()
            if state['state'] not in ('reading', 'writing'):
                return state
            time.sleep(0.02)

    def test_a_type_changes_for_the_past(self):
        server, client = self.started('data')
        rows = [{'profile_id': f'p{i}', 'age': str(i) if i % 7 == 0 else i,
                 'since': 1_690_000_000 + i} for i in range(1, 5000)]
        receipt = self.assert_ok(client.post('/v1/profiles', lines(rows), NDJSON)).json()
        taken = receipt['accepted']
        fields = {'profiles.since': {'type': 'timestamp', 'epoch': 's'}}
        self.assertEqual(409, client.put('/v1/schema', {'fields': fields}).status)
        self.assertEqual('none', self.wait_for_end(client)['state'])
        tried = self.run_muster('derive', 'profiles.since=timestamp:s', '--dry-run',
                                '--server', server.url)
        self.assertEqual(0, tried.returncode, tried.stderr)
        self.assertEqual(taken, json.loads(tried.stdout)['written'])
        self.assertEqual(409, client.put('/v1/schema', {'fields': fields}).status)
        begun = client.post('/v1/schema/derive', {'fields': fields})
        self.assertEqual(202, begun.status, begun.body)
        server.kill()
        server, client = self.started('data')
        self.assert_ok(client.get('/v1/schema/derive'))
        done = self.run_muster('derive', 'profiles.since=timestamp:s', '--server', server.url)
        self.assertEqual(0, done.returncode, done.stderr)
        count = self.assert_ok(client.post('/v1/count', {'where': 'since >= 2023-07-01'})).json()
        self.assertEqual(taken, count['count'])
        again = self.run_muster('derive', 'profiles.since=timestamp:s', '--server', server.url)
        self.assertEqual(0, json.loads(again.stdout)['written'])
        server.stop()
        verified = self.run_muster('verify', '--data', self.path('data'))
        self.assertEqual(0, verified.returncode, verified.stderr + verified.stdout)

    def test_what_does_not_fit_is_said(self):
        server, client = self.started('data')
        for body, word in (({'fields': {'buy.n': {'type': 'int64'}}}, 'buy.n'),
                           ({'fields': {}}, '1 to 64'),
                           ({'fields': {'profiles.n': {'type': 'int'}}}, '/fields/profiles.n'),
                           ({'field': {}}, 'field')):
            refused = client.post('/v1/schema/derive', body)
            self.assertEqual(400, refused.status)
            self.assertIn(word, refused.json()['detail'])
        self.assertEqual(404, client.delete('/v1/schema/derive').status)
        refused = self.run_muster('derive', 'age', '--server', server.url)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn('KEY=TYPE', refused.stderr)
