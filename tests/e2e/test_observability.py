"""What a server tells of itself: metrics, the dashboard over them, log lines, traces."""
import json
import os
import re
import subprocess
import threading
import unittest

from support import NDJSON, ROOT, SECRET, MusterCase
from test_live import Stream
import receiver

PROMTOOL = os.path.join(ROOT, 'build', 'promtool', 'promtool')
DASHBOARD = os.path.join(ROOT, 'tools', 'grafana', 'muster.json')
TRACE, SPAN = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'
# Made by PromQL itself, not by us.
SUFFIXES = ('_bucket', '_sum', '_count')


def value_of(text, name, labels=''):
    """The value of one series; None when there is none."""
    found = re.search(rf'^{name}{re.escape(labels)} (\S+)$', text, re.MULTILINE)
    return None if found is None else float(found[1])


class Observability(MusterCase):
    def keep_busy(self, url, client):
        """Some of everything: rows, questions, bad calls, live counts, an export."""
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        live = Stream(url, '/v1/segments/beta/live')
        live.wait_for(lambda events: len(events) == 1)
        for number in range(20):
            row = json.dumps({'profile_id': f'new{number}', 'tags': ['beta']})
            self.assert_ok(client.post('/v1/profiles', row + '\nnonsense\n', NDJSON))
            self.assertEqual(client.count('in segment "beta"'), 3 + number)
        live.wait_for(lambda events: events[-1][2]['count'] == 22)
        client.post('/v1/count', {'where': 'nonsense ('})
        client.get('/nowhere')
        client.get('/v1/segments/none')

    def export(self, client, headers=None):
        """One run to a receiver of ours; returns what the receiver was sent."""
        taker = receiver.Receiver(SECRET)
        self.addCleanup(taker.server_close)
        self.addCleanup(taker.shutdown)
        threading.Thread(target=taker.serve_forever, daemon=True).start()
        self.assert_ok(client.put('/v1/destinations/hook', {
            'kind': 'webhook', 'url': taker.url, 'secret': SECRET}))
        self.assert_ok(client.put('/v1/syncs/out', {
            'segment': 'beta', 'destination': 'hook', 'mode': 'diff', 'mapping': {},
            'schedule': 'manual'}))
        asked = client.request('POST', '/v1/syncs/out/run', {}, headers)
        self.assert_ok(asked)
        self.wait_until(lambda: client.get('/v1/syncs/out/runs').json()['items'][0]['state']
                        == 'finished')
        return asked, taker.deliveries

    def test_promtool_finds_nothing_in_the_metrics_of_a_busy_server(self):
        self.assertTrue(os.path.exists(PROMTOOL), 'promtool is missing: run tools/setup --test')
        server, client = self.started_with_people(
            options=['--allow-destination', '127.0.0.1/32'])
        self.keep_busy(server.url, client)
        self.export(client)
        client.get('/metrics')
        text = self.assert_ok(client.get('/metrics')).body
        done = subprocess.run([PROMTOOL, 'check', 'metrics'], input=text, capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b'', b''))
        broken = text + b'# TYPE muster_Wrong_total gauge\nmuster_Wrong_total 1\n'
        done = subprocess.run([PROMTOOL, 'check', 'metrics'], input=broken, capture_output=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0, 'promtool passes everything')
        self.assert_figures(text.decode())
        self.assert_dashboard(text.decode())

    def assert_figures(self, text):
        """That the figures say what happened."""
        self.assertEqual(value_of(text, 'muster_ingested_rows_total',
                                  '{table="profiles",verdict="rejected"}'), 20)
        self.assertEqual(value_of(text, 'muster_segments'), 1)
        self.assertEqual(value_of(text, 'muster_segment_changes_total'), 22)
        self.assertGreater(value_of(text, 'muster_segment_upkeep_seconds_total',
                                    '{segment="beta"}'), 0)
        for name in ('ingest_lag_seconds', 'log_append_seconds', 'commit_bytes',
                     'commit_changes', 'upkeep_seconds'):
            self.assertGreater(value_of(text, f'muster_{name}_count'), 20, name)
        self.assertGreater(value_of(text, 'muster_http_request_seconds_count',
                                    '{route="/v1/count"}'), 20)
        parts = re.findall(r'^muster_memory_bytes\{part="(\w+)"\} (\S+)$', text, re.MULTILINE)
        self.assertLessEqual({'profiles', 'events', 'identifiers', 'kept_conditions', 'audit'},
                             {part for part, _ in parts})
        self.assertEqual(sum(float(size) for _, size in parts),
                         value_of(text, 'muster_index_bytes'))
        self.assertGreater(value_of(text, 'process_resident_memory_bytes'), 1 << 20)

    def assert_dashboard(self, text):
        """That each metric that the dashboard asks for is there."""
        with open(DASHBOARD, encoding='utf-8') as stream:
            panels = json.load(stream)['panels']
        there = set(re.findall(r'^# TYPE (\S+)', text, re.MULTILINE))
        expressions = [target['expr'] for panel in panels for target in panel['targets']]
        self.assertGreater(len(expressions), 20)
        for expression in expressions:
            names = re.findall(r'\b(?:muster|process)_\w+', expression)
            self.assertTrue(names, expression)
            for name in names:
                plain = name
                for suffix in SUFFIXES:
                    plain = plain.removesuffix(suffix)
                self.assertTrue({name, plain} & there, f'{name} of {expression}')

    def test_many_segments_make_few_series(self):
        _, client = self.started_with_people()
        for number in range(60):
            self.assert_ok(client.put(f'/v1/segments/s{number}', {'where': f'age > {number}'}))
        text = client.get('/metrics').body.decode()
        series = re.findall(r'^muster_segment_upkeep_seconds_total\{segment="([^"]+)"\} (\S+)$',
                            text, re.MULTILINE)
        self.assertEqual(len(series), 51)
        self.assertGreater(float(dict(series)['/others']), 0)
        self.assertEqual(value_of(text, 'muster_segments'), 60)

    def test_requests_leave_lines_with_their_ids(self):
        server, client = self.started_with_people(options=['--log-requests', 'all'])
        headers = {'X-Request-Id': 'my-request-7', 'traceparent': f'00-{TRACE}-{SPAN}-01'}
        answer = client.request('GET', '/v1/profiles/ana', headers=headers)
        self.assertEqual(answer.headers['X-Request-Id'], 'my-request-7')
        with open(server.log_path, encoding='utf-8') as log:
            lines = [json.loads(line) for line in log if line.startswith('{')]
        line = next(line for line in lines if line.get('request_id') == 'my-request-7')
        self.assertEqual((line['method'], line['route'], line['status'], line['principal']),
                         ('GET', '/v1/profiles/{id}', 200, 'loopback'))
        self.assertEqual(line['trace_id'], TRACE)
        self.assertIn(line['span_id'], answer.headers['traceparent'])
        self.assertGreater(line['took_us'], 0)
        with open(server.log_path, encoding='utf-8') as log:
            self.assertNotIn('ana', log.read())

    def test_usual_requests_leave_no_line(self):
        server, client = self.started_with_people()
        self.assertEqual(client.count('everyone'), 3)
        with open(server.log_path, encoding='utf-8') as log:
            self.assertNotIn('"request_id"', log.read())

    def test_a_trace_goes_through_to_the_destination(self):
        _, client = self.started_with_people(options=['--allow-destination', '127.0.0.1/32'])
        self.assert_ok(client.put('/v1/segments/beta', {'where': 'any tags = "beta"'}))
        asked, deliveries = self.export(client, {'traceparent': f'00-{TRACE}-{SPAN}-01'})
        ours = asked.headers['traceparent']
        self.assertRegex(ours, f'^00-{TRACE}-[0-9a-f]{{16}}-01$')
        self.assertNotIn(SPAN, ours)
        sent = [delivery['traceparent'] for delivery in deliveries]
        self.assertEqual(len(sent), 1)
        self.assertRegex(sent[0], f'^00-{TRACE}-[0-9a-f]{{16}}-01$')
        self.assertNotEqual(sent[0], ours)

    def test_what_is_no_traceparent_is_passed_over(self):
        _, client = self.started()
        for text in ('', 'x', f'00-{TRACE}-{SPAN}', f'ff-{TRACE}-{SPAN}-01',
                     f'00-{TRACE}-{SPAN}-01-more', f'00-{"0" * 32}-{SPAN}-01', 'é' * 27 + 'x'):
            with self.subTest(text):
                answer = client.request('GET', '/livez',
                                        headers={'traceparent': text.encode()})
                self.assertEqual(answer.status, 200)
                self.assertNotIn('traceparent', answer.headers)
        later = client.request('GET', '/livez',
                               headers={'traceparent': f'01-{TRACE}-{SPAN}-03-more'})
        self.assertRegex(later.headers['traceparent'], f'^00-{TRACE}-[0-9a-f]{{16}}-01$')


if __name__ == '__main__':
    unittest.main()
