"""tools/oracle itself: a server that answers one question wrongly must be reported as WRONG."""
import http.server
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

from support import ROOT

NOW = '2024-01-01T00:00:00Z'
PEOPLE = ['1', '2', '10', '11', '20']
QUESTIONS = {
    'A1': ('plan = "pro"', ['1', '2', '10']),
    'A2': ('not (plan = "pro")', ['11', '20']),
    'A3': ('count("purchase") >= 1', ['1', '20']),
}


def oracle_module():
    """tools/oracle as a module; its name has no suffix."""
    loader = importlib.machinery.SourceFileLoader('oracle', os.path.join(ROOT, 'tools', 'oracle'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('oracle', loader))
    loader.exec_module(module)
    return module


class FakeServer(http.server.ThreadingHTTPServer):
    """Answers the questions above; `fault` is (question, function of its true members)."""

    def __init__(self, fault=None):
        super().__init__(('127.0.0.1', 0), FakeHandler)
        self.fault = fault or (None, None)
        self.loaded = 0
        self.as_of = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_PUT(self):
        self.body()
        self.answer(200, {})

    def do_POST(self):
        body = self.body()
        if self.path in ('/v1/count', '/v1/members'):
            self.answer_question(json.loads(body))
        else:
            rows = len(body.splitlines())
            self.server.loaded += rows
            self.answer(200, {'accepted': rows, 'rejected': 0})

    def body(self):
        return self.rfile.read(int(self.headers['Content-Length']))

    def answer_question(self, asked):
        self.server.as_of.add(asked.get('as_of'))
        name, ids = next((name, ids) for name, (text, ids) in QUESTIONS.items()
                         if text == asked['where'])
        if name == self.server.fault[0]:
            fault = self.server.fault[1]
            fault(self, ids, self.path)
        else:
            self.answer_truly(ids, self.path)

    def answer_truly(self, ids, path):
        if path == '/v1/count':
            self.answer(200, {'count': len(ids)})
        else:
            self.answer_lines(ids)

    def answer_lines(self, ids):
        lines = ''.join(json.dumps({'profile_id': name}) + '\n' for name in ids)
        self.send(200, 'application/x-ndjson', lines.encode())

    def answer(self, status, document):
        kind = 'application/json' if status < 400 else 'application/problem+json'
        self.send(status, kind, json.dumps(document).encode())

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def counts_one_more(handler, ids, path):
    if path == '/v1/count':
        handler.answer(200, {'count': len(ids) + 1})
    else:
        handler.answer_lines(ids)


def drops_one_member(handler, ids, path):
    handler.answer_truly(ids if path == '/v1/count' else ids[:-1], path)


def drops_one_member_and_counts_so(handler, ids, path):
    handler.answer_truly(ids[1:], path)


def lists_another_member(handler, ids, path):
    stranger = next(name for name in PEOPLE if name not in ids)
    handler.answer_truly(ids[1:] + [stranger], path)


def lists_a_member_twice(handler, ids, path):
    handler.answer_truly(ids if path == '/v1/count' else ids[:-1] + ids[:1], path)


def fails(handler, _ids, _path):
    handler.answer(500, {'detail': 'broken'})


def hangs_up(handler, _ids, _path):
    handler.close_connection = True


def refuses(handler, _ids, _path):
    handler.answer(422, {'detail': 'this version cannot answer that'})


def refuses_only_members(handler, ids, path):
    if path == '/v1/members':
        refuses(handler, ids, path)
    else:
        handler.answer_truly(ids, path)


class OracleToolTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='muster-oracle-tool-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write('profiles.ndjson', ''.join(json.dumps({'profile_id': name}) + '\n'
                                              for name in PEOPLE))
        self.write('events.ndjson', '{"profile_id":"1","type":"purchase","ts":"' + NOW + '"}\n')
        self.write('schema.json', '{}')
        self.write('expressions.json',
                   json.dumps({name: text for name, (text, _) in QUESTIONS.items()}))
        oracle = oracle_module()
        results = [{'id': name, 'words': text, 'count': len(ids),
                    'members_sha256': oracle.digest_of(ids)}
                   for name, (text, ids) in QUESTIONS.items()]
        self.write('expected.json', json.dumps({'phases': [{'now': NOW, 'results': results}]}))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as stream:
            stream.write(text)

    def run_oracle(self, fault=None, options=()):
        server = FakeServer(fault)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, 'tools', 'oracle'), '--data', self.folder,
             '--schema', os.path.join(self.folder, 'schema.json'),
             '--expressions', os.path.join(self.folder, 'expressions.json'),
             '--expected', os.path.join(self.folder, 'expected.json'),
             '--now', NOW, '--server', server.url, *options],
            capture_output=True, text=True, timeout=60, check=False)
        return done, server

    def test_right_answers_pass(self):
        done, server = self.run_oracle(options=['--at-least', '3'])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-2:], ['3 passed, 0 failed',
                                                         'refused 0, wrong 0'])
        self.assertEqual(server.loaded, len(PEOPLE) + 1)
        self.assertEqual(server.as_of, {NOW})

    def test_one_wrong_answer_is_reported(self):
        faults = [counts_one_more, drops_one_member, drops_one_member_and_counts_so,
                  lists_another_member, lists_a_member_twice, fails, hangs_up,
                  refuses_only_members]
        for fault in faults:
            for name in QUESTIONS:
                with self.subTest(fault=fault.__name__, question=name):
                    done, _ = self.run_oracle((name, fault))
                    self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                    self.assertEqual(done.stdout.splitlines()[-2:],
                                     ['2 passed, 1 failed', 'refused 0, wrong 1'])
                    line = next(line for line in done.stdout.splitlines()
                                if line.startswith(name))
                    self.assertIn('WRONG', line)

    def test_a_refusal_is_neither_right_nor_wrong(self):
        done, _ = self.run_oracle(('A2', refuses))
        self.assertEqual(done.stdout.splitlines()[-2:], ['2 passed, 1 failed',
                                                         'refused 1, wrong 0'])
        self.assertEqual(done.returncode, 0)
        done, _ = self.run_oracle(('A2', refuses), ['--at-least', '3'])
        self.assertEqual(done.returncode, 1)

    def test_a_question_without_an_expression_counts_as_refused(self):
        self.write('expressions.json', json.dumps({'A1': QUESTIONS['A1'][0]}))
        done, _ = self.run_oracle()
        self.assertEqual(done.stdout.splitlines()[-2:], ['1 passed, 2 failed',
                                                         'refused 2, wrong 0'])

    def test_expressions_that_break_the_rules_are_not_asked(self):
        for text in ('profile_id in ("1", "2")', 'plan = "' + 'x' * 600 + '"'):
            self.write('expressions.json', json.dumps({'A1': text}))
            done, server = self.run_oracle()
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(server.loaded, 0)


if __name__ == '__main__':
    unittest.main()
