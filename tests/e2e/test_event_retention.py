"""Events that are past their retention."""
import datetime
import json

from support import NDJSON, MusterCase


def day(ago):
    when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=ago)
    return when.strftime('%Y-%m-%dT%H:%M:%SZ')


def event(who, ago, event_id):
    return json.dumps({'profile_id': who, 'type': 'buy', 'ts': day(ago), 'event_id': event_id})


class EventRetention(MusterCase):
    """Over HTTP: after a checkpoint, a kill, and in memory."""

    def post(self, client, *events):
        return self.assert_ok(client.post('/v1/events', '\n'.join(events).encode(), NDJSON)).json()

    def test_old_events_are_forgotten(self):
        server, client = self.started('data', ['--events-retention', '30d'])
        self.post(client, event('a', 50, 'e1'), event('b', 5, 'e2'))
        self.assert_ok(client.put('/v1/segments/buyers', {'where': 'did "buy"'}))
        self.assertEqual(client.count('did "buy"'), 2)
        self.assert_ok(client.post('/v1/checkpoint', b''))
        self.assertEqual(client.count('did "buy"'), 1)
        rows = self.assert_ok(client.get('/v1/segments/buyers/changes')).lines()
        self.assertEqual([(row['profile_id'], row['reason']) for row in rows[2:]],
                         [('a', 'expired')])
        late = self.post(client, event('a', 60, 'e3'), event('a', 50, 'e1'))
        self.assertEqual((late['rejected'], late['skipped']), (1, 1))
        self.assertIn('are not kept', late['errors'][0]['reason'])
        checked = self.assert_ok(client.post('/v1/check', {'where': 'did "buy"'})).json()
        self.assertIn('events are kept from', ' '.join(checked['warnings']))
        client.close()
        server.kill()
        inspected = self.run_muster('inspect', '--data', server.data)
        self.assertEqual(inspected.returncode, 0, inspected.stderr)
        self.assertIn('events horizon', inspected.stdout)
        verified = self.run_muster('verify', '--data', server.data)
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        rebuilt = self.run_muster('rebuild', '--data', server.data)
        self.assertEqual(rebuilt.returncode, 0, rebuilt.stderr + rebuilt.stdout)
        _, client = self.started('data')
        self.assertEqual(client.count('did "buy"'), 1)
        self.assertEqual(self.post(client, event('a', 60, 'e4'))['rejected'], 1)

    def test_the_option_says_what_is_wrong_with_it(self):
        for wrong in ('soon', '0d', '59m'):
            done = self.run_muster('serve', '--data', self.path('d'), '--listen', '127.0.0.1:0',
                                   '--events-retention', wrong)
            self.assertIn(wrong, self.assert_one_sentence(done))
