"""What moves by itself: live counts, the change stream, history, and the page that shows them."""
import datetime
import http.client
import json
import os
import threading
import time
import unittest
import urllib.parse

from browser import PROGRAM, Browser
from support import NDJSON, ROOT, MusterCase

RECENT = {'where': 'did "purchase" in last 2s', 'name': 'Just now'}


def time_text(moment):
    return moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def purchase(person, number):
    now = datetime.datetime.now(datetime.timezone.utc)
    return json.dumps({'profile_id': person, 'type': 'purchase', 'ts': time_text(now),
                       'event_id': f'live-{number}', 'amount': 1}).encode()


class Stream:
    """Server-Sent Events, read beside everything else."""

    def __init__(self, url, path, headers=()):
        place = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        self._connection.request('GET', path, headers={'Accept': 'text/event-stream',
                                                       **dict(headers)})
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.events = []  # (id, event, data), in order.
        self.has_ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        fields = {}
        try:
            for raw in self._answer:
                line = raw.decode().rstrip('\n')
                if line:
                    name, _, value = line.partition(': ')
                    fields[name] = value
                    continue
                if 'data' in fields:
                    self.events.append((int(fields['id']), fields['event'],
                                        json.loads(fields['data'])))
                fields = {}
        except OSError:
            pass
        self.has_ended = True

    def wait_for(self, holds, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds(self.events):
                return
            time.sleep(0.02)
        raise AssertionError(f'waited {seconds} s; there is {self.events}')


class Live(MusterCase):
    def changes(self, client, segment, query=''):
        answer = self.assert_ok(client.get(f'/v1/segments/{segment}/changes{query}'))
        return [json.loads(line) for line in answer.body.splitlines()]

    def test_a_window_expires_by_itself(self):
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/recent', RECENT))
        counts = Stream(server.url, '/v1/segments/recent/live')
        changes = Stream(server.url, '/v1/changes?from=1')
        counts.wait_for(lambda events: [e[2]['count'] for e in events] == [0])
        self.assert_ok(client.post('/v1/events', purchase('ana', 1), NDJSON))
        counts.wait_for(lambda events: [e[2]['count'] for e in events] == [0, 1])
        changes.wait_for(lambda events: len(events) == 2)
        counts.wait_for(lambda events: [e[2]['count'] for e in events] == [0, 1, 0])
        entered, left = (event[2] for event in changes.events)
        self.assertEqual((entered['profile_id'], entered['change'], entered['reason']),
                         ('ana', 'entered', 'event'))
        self.assertEqual((left['profile_id'], left['change'], left['reason']),
                         ('ana', 'left', 'expired'))
        happened, known = (datetime.datetime.fromisoformat(left[name].replace('Z', '+00:00'))
                           for name in ('happened', 'known'))
        self.assertLess((known - happened).total_seconds(), 1)
        went_in = datetime.datetime.fromisoformat(entered['happened'].replace('Z', '+00:00'))
        self.assertAlmostEqual((happened - went_in).total_seconds(), 2.001, places=3)

    def test_who_entered_is_asked_for_and_outlives_a_kill(self):
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        self.assert_ok(client.put('/v1/segments/new', {'where': 'entered "beta" today'}))
        known = client.count('in segment "new"')
        self.assertEqual(known, client.count('in segment "beta"'))
        row = b'{"profile_id":"dee","tags":["beta"]}'
        self.assert_ok(client.post('/v1/profiles', row, NDJSON))
        self.assertEqual(client.count('in segment "new"'), known + 1)
        row = b'{"profile_id":"dee","tags":[]}'
        self.assert_ok(client.post('/v1/profiles', row, NDJSON))
        client.close()
        server.kill()
        server.start()
        client = server.client()
        self.addCleanup(client.close)
        self.assertEqual(client.count('in segment "new"'), known + 1)
        self.assertEqual(client.count('left "beta" in last 1h and entered "beta" today'), 1)

    def test_rows_come_back_after_a_kill_and_a_reader_goes_on(self):
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        self.assert_ok(client.delete('/v1/profiles/ana'))
        before = self.changes(client, 'beta')
        self.assertEqual([(row['change'], row['reason']) for row in before],
                         [('entered', 'definition'), ('entered', 'definition'),
                          ('left', 'erased')])
        client.close()
        server.kill()
        server.start()
        client = server.client()
        self.addCleanup(client.close)
        self.assertEqual(self.changes(client, 'beta'), before)
        following = Stream(server.url, '/v1/changes', {'Last-Event-ID': '2'}.items())
        following.wait_for(lambda events: [event[0] for event in events] == [3])
        row = b'{"profile_id":"dee","tags":["beta"]}'
        self.assert_ok(client.post('/v1/profiles', row, NDJSON))
        following.wait_for(lambda events: [event[0] for event in events] == [3, 4])
        self.assertEqual(following.events[-1][2]['reason'], 'attribute')
        history = self.assert_ok(client.get('/v1/segments/beta/history?unit=hour')).json()
        self.assertEqual(sum(step['entered'] for step in history['items']), 3)
        self.assertEqual(history['items'][-1]['members'], 2)
        self.assertEqual(len(self.changes(client, 'beta', '?from=2&limit=2')), 2)

    def test_a_reader_who_missed_nothing_is_told_nothing(self):
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        first = Stream(server.url, '/v1/live')
        first.wait_for(lambda events: len(events) == 1)
        again = Stream(server.url, '/v1/live', {'Last-Event-ID': str(first.events[0][0])}.items())
        time.sleep(1)  # It is looked at ten times a second.
        self.assertEqual(again.events, [])
        self.assert_ok(client.delete('/v1/segments/beta'))
        first.wait_for(lambda events: events[-1][1] == 'deleted')
        again.wait_for(lambda events: [event[1] for event in events] == ['deleted'])

    def test_a_stop_ends_the_streams(self):
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        stream = Stream(server.url, '/v1/segments/beta/live')
        stream.wait_for(lambda events: len(events) == 1)
        begun = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - begun, 5)
        stream.wait_for(lambda _: stream.has_ended)

    def test_bad_questions(self):
        _, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        for path in ('/v1/segments/bta/live', '/v1/segments/bta/history'):
            self.assert_problem(client.get(path), 404)
        for path in ('/v1/segments/beta/changes?from=99', '/v1/segments/beta/changes?limit=0',
                     '/v1/segments/beta/changes?limit=100001', '/v1/segments/beta/changes?x=1',
                     '/v1/segments/beta/history?unit=year', '/v1/changes?from=-1'):
            with self.subTest(path):
                self.assert_problem(client.get(path), 400)
        odd = client.request('GET', '/v1/live', headers={'Last-Event-ID': 'x'})
        self.assert_problem(odd, 400)

    def test_the_page_shows_counts_that_move(self):
        if PROGRAM is None:
            print('not run: no Chromium here (tools/setup --console)', flush=True)
            return
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/recent', RECENT))
        self.assert_ok(client.put('/v1/segments/buyers', {'where': 'did "purchase"'}))
        shots = os.path.join(ROOT, 'build', 'screenshots')
        os.makedirs(shots, exist_ok=True)
        shown = 'document.querySelector("#segments").innerText'
        with Browser(self.folder) as browser:
            browser.open(server.url + '/')
            browser.wait_for(f'/Just now[^]*0/.test({shown})')
            self.assert_ok(client.post('/v1/events', purchase('bo', 2), NDJSON))
            browser.wait_for(f'/Just now[^]*1/.test({shown}) && /buyers[^]*2/.test({shown})')
            browser.screenshot(os.path.join(shots, 'console-live.png'))
            browser.wait_for(f'/Just now[^]*0/.test({shown})')
            self.assertEqual(browser.errors, [])


if __name__ == '__main__':
    unittest.main()
