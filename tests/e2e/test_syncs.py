"""Who is sent and when: holdouts and lift, schedules, cancelling, events, contact history."""
import datetime
import json
import os
import time
import unittest

from support import NDJSON
from test_export import LOOPBACK, PEOPLE, ReceivingCase

SPLIT = {'salt': 'spring', 'arms': [{'name': 'a', 'share': 0.4}, {'name': 'b', 'share': 0.3}],
         'holdout': 0.3, 'send': ['a', 'b']}

EVENTS = {'profiles': {'id': 'profile_id'},
          'events': {'profile': 'profile_id', 'name': 'type', 'time': 'ts', 'id': 'event_id'}}


class SyncCase(ReceivingCase):
    def sync(self, client, **more):
        self.assert_ok(client.put('/v1/syncs/pro-hook', {
            'segment': 'pro', 'destination': 'hook', 'mapping': {'mail': 'email'}, **more}))

    def sent(self, log):
        """What arrived, one after the other: (operation, member)."""
        if not os.path.exists(log):
            return []
        with open(log, encoding='utf-8') as stream:
            bodies = [json.loads(json.loads(line)['body']) for line in stream]
        return [(body['operation'], member) for body in bodies for member in body['members']]

    def states(self, client, state):
        page = self.assert_ok(client.get(f'/v1/syncs/pro-hook/ledger?state={state}&limit=10000'))
        return {person['profile_id']: person for person in page.json()['items']}


class Experiments(SyncCase):
    def test_who_is_held_out_is_accounted_and_lift_is_what_they_did_since(self):
        url, log = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.assert_ok(client.put('/v1/schema', EVENTS))
        self.sync(client, split=SPLIT)
        before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        rows = [{'profile_id': f'p{n:04d}', 'type': 'Order', 'ts': before.isoformat(),
                 'event_id': f'before-{n}'}
                for n in range(PEOPLE)]
        self.assert_ok(client.post('/v1/events', b'\n'.join(json.dumps(row).encode()
                                                            for row in rows), NDJSON))
        counts = self.assert_adds_up(self.run_to_end(client))
        self.assertGreater(counts['held_out'], PEOPLE // 6)
        self.assertEqual(counts['sent'] + counts['held_out'], PEOPLE)
        held, sent = self.states(client, 'held_out'), self.states(client, 'sent')
        self.assertEqual({one['arm'] for one in held.values()}, {'holdout'})
        self.assertEqual({one['arm'] for one in sent.values()}, {'a', 'b'})
        self.assertEqual(sorted(member['id'] for _, member in self.sent(log)), sorted(sent))

        balance = self.assert_ok(client.get('/v1/syncs/pro-hook/split')).json()
        self.assertEqual(balance['people'], PEOPLE)
        self.assertTrue(balance['balanced'], balance)

        # What they did before does not count; half of those who were sent do it afterwards.
        goal = '/v1/syncs/pro-hook/lift?goal=%22Order%22'
        none = self.assert_ok(client.get(goal)).json()
        self.assertEqual((none['treatment']['converted'], none['difference']), (0, 0))
        buyers = sorted(sent)[::2]
        after = datetime.datetime.now(datetime.UTC).isoformat()
        self.assert_ok(client.post('/v1/events', b'\n'.join(
            json.dumps({'profile_id': one, 'type': 'Order', 'ts': after,
                        'event_id': f'after-{one}'}).encode()
            for one in buyers), NDJSON))
        lift = self.assert_ok(client.get(goal)).json()
        self.assertEqual(lift['treatment']['converted'], len(buyers))
        self.assertEqual((lift['control']['arm'], lift['control']['people'],
                          lift['control']['converted']), ('holdout', len(held), 0))
        self.assertTrue(lift['beyond_chance'], lift)
        wrong = client.get('/v1/syncs/pro-hook/lift?goal=%22Order%22%20whre')
        self.assert_problem(wrong, 400, 422)

    def test_the_global_holdout_is_taken_back_from_every_sync(self):
        url, log = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.run_to_end(client)
        self.assert_problem(client.get('/v1/syncs/pro-hook/split'), 400)
        self.assert_ok(client.put('/v1/holdout', {'salt': '2026', 'share': 0.25}))
        self.assert_problem(client.put('/v1/holdout', {'salt': '2026', 'share': 25}), 400)
        client.close()
        server.kill()
        client = server.start().client()
        self.assertEqual(client.get('/v1/holdout').json(), {'salt': '2026', 'share': 0.25})
        counts = self.assert_adds_up(self.run_to_end(client))
        self.assertGreater(counts['held_out'], PEOPLE // 8)
        self.assertEqual(counts['removals']['sent'], counts['held_out'])
        removed = {member['id'] for operation, member in self.sent(log) if operation == 'remove'}
        self.assertEqual(removed, set(self.states(client, 'held_out')))


class Schedules(SyncCase):
    def wait_for(self, what, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if what():
                return
            time.sleep(0.05)
        self.fail('it does not come')

    def held(self, client):
        return client.get('/v1/syncs/pro-hook/ledger').json()['sent']

    def test_continuous_follows_the_segment(self):
        url, log = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.sync(client, schedule={'continuous': {'debounce': '1s'}})
        self.wait_for(lambda: self.held(client) == PEOPLE)
        self.assert_ok(client.post('/v1/profiles', b'{"profile_id":"p0003","plan":"free"}\n'
                                                   b'{"profile_id":"new","plan":"pro"}', NDJSON))
        self.wait_for(lambda: ('add', 'new') in [(op, one['id']) for op, one in self.sent(log)])
        self.assertIn(('remove', {'id': 'p0003'}), self.sent(log))
        time.sleep(2)
        self.assertEqual(len(client.get('/v1/syncs/pro-hook/runs').json()['items']), 2)

    def test_what_is_previewed_happens_and_from_scratch_sends_all(self):
        url, log = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.assert_ok(client.put('/v1/segments/even', {
            'where': 'profile_id contains "0"', 'name': 'With a nought'}))
        self.sync(client, exclude=['even'], schedule={'cron': '0 9 * * 1-5',
                                                      'timezone': 'Europe/Berlin'})
        preview = self.assert_ok(client.get('/v1/syncs/pro-hook/preview')).json()
        self.assertEqual(preview['excluded'], [{'segment': 'even', 'people': PEOPLE,
                                                'only': PEOPLE}])
        self.sync(client)
        preview = self.assert_ok(client.get('/v1/syncs/pro-hook/preview')).json()
        self.assertEqual((preview['added'], preview['exact']), (PEOPLE, True))
        self.assertEqual(self.run_to_end(client)['counts']['sent'], PEOPLE)
        number = self.assert_ok(client.post('/v1/syncs/pro-hook/resync', {})).json()['run']
        self.assertEqual(self.wait_for_run(client, number)['counts']['sent'], PEOPLE)
        self.assertEqual(len(self.sent(log)), 2 * PEOPLE)
        self.assert_problem(client.post('/v1/syncs/pro-hook/cancel', {}), 409)


class ContactHistory(SyncCase):
    def test_a_delivery_is_an_event_and_caps_are_segments(self):
        url, _ = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.assert_ok(client.put('/v1/schema', EVENTS))
        self.sync(client, contact_history=True, split=SPLIT, mode='append')
        sent = self.run_to_end(client)['counts']['sent']
        asked = {'where': 'did "$Audience Synced" where (sync = "pro-hook" and run = 1 and '
                          'operation = "add" and arm in ("a", "b")) in last 1d'}
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            count = client.post('/v1/count', {**asked, 'allow_unknown': True}).json().get('count')
            if count == sent:
                break
            time.sleep(0.05)
        self.assertEqual(count, sent)
        client.close()
        server.kill()
        client = server.start().client()
        self.assertEqual(client.post('/v1/count', asked).json()['count'], sent)
        # Once a week at most: nobody is sent again who was.
        self.assert_ok(client.put('/v1/segments/capped', {
            'name': 'Capped', 'where': 'plan = "pro" and '
                                       'count("$Audience Synced" in last 7d) < 1'}))
        left = client.post('/v1/count', {'where': 'in segment "capped"'}).json()['count']
        self.assertEqual(left, PEOPLE - sent)
        first = sorted(self.states(client, 'sent'))[0]
        events = self.assert_ok(client.get(f'/v1/profiles/{first}'))
        self.assertEqual(len(events.json()['events']), 1)


class Watching(SyncCase):
    def test_a_run_is_watched_and_who_is_erased_is_removed(self):
        url, log = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, url)
        done = self.run_muster('sync', 'run', 'pro-hook', '--watch', '--server', server.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, f'run 1 of pro-hook .finished.: audience {PEOPLE} = sent '
                                      f'{PEOPLE} .*: adds up')
        receipt = self.assert_ok(client.delete('/v1/profiles/p0042')).json()
        self.assertEqual(receipt['removed_from'], ['pro-hook'])
        self.assertEqual([one['state'] for one in receipt['destinations']], ['pending'])
        deadline = time.monotonic() + 20
        while ('remove', {'id': 'p0042'}) not in self.sent(log):
            self.assertLess(time.monotonic(), deadline, 'the removal does not come')
            time.sleep(0.05)


class EventStream(SyncCase):
    def test_each_change_is_told_once_through_a_kill(self):
        url, log = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, url)
        self.assert_ok(client.put('/v1/syncs/changes', {
            'segment': 'pro', 'destination': 'hook', 'mode': 'events',
            'mapping': {'mail': 'email'}, 'schedule': {'continuous': {'debounce': '1s'}}}))
        expected = []
        for number in range(6):
            plan = 'free' if number % 2 == 0 else 'pro'
            self.assert_ok(client.post('/v1/profiles', json.dumps(
                {'profile_id': 'p0007', 'plan': plan}).encode(), NDJSON))
            expected.append('Audience Exited' if plan == 'free' else 'Audience Entered')
            if number == 3:
                client.close()
                server.kill()
                client = server.start().client()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and len(self.sent(log)) < len(expected):
            time.sleep(0.05)
        told = [member for _, member in self.sent(log)]
        self.assertEqual([member['event'] for member in told], expected)
        self.assertEqual({member['id'] for member in told}, {'p0007'})
        times = [member['timestamp'] for member in told]
        self.assertEqual(times, sorted(times))
        for run in client.get('/v1/syncs/changes/runs').json()['items']:
            self.assert_adds_up(run)


if __name__ == '__main__':
    unittest.main()
