"""The served OpenAPI document: a linter finds nothing, and every route in it answers."""
import json
import os
import subprocess
import unittest

import answers
from support import ROOT, MusterCase

LINTER = os.path.join(ROOT, 'build', 'venv', 'bin', 'openapi-spec-validator')


class OpenApi(MusterCase):
    def test_the_linter_finds_nothing(self):
        self.assertTrue(os.path.exists(LINTER), 'the linter is missing: run tools/setup --test')
        _, client = self.started()
        served = self.assert_ok(client.get('/openapi.json'))
        self.assertEqual(served.json()['openapi'][:4], '3.1.')
        path = self.write('openapi.json', served.body)
        done = subprocess.run([LINTER, '--errors', 'all', path], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        broken = served.json()
        next(iter(broken['paths'].values())).update({'get': {'responses': 'none'}})
        done = subprocess.run([LINTER, self.write('broken.json', json.dumps(broken))],
                              capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0, 'the linter passes everything')

    def test_an_answer_that_is_not_listed_is_found(self):
        listed = {('PUT', '/v1/destinations/hook', 409), ('PUT', '/v1/destinations/hook', 429),
                  ('GET', '/v1/profiles/by/email/a', 404), ('GET', '/v1/nothing', 404)}
        self.assertEqual(answers.unlisted(listed), [])
        others = {('PUT', '/v1/destinations/hook', 410), ('GET', '/v1/recipes', 404),
                  ('GET', '/livez', 204)}
        self.assertEqual(answers.unlisted(listed | others), [
            'GET /livez 204', 'GET /v1/recipes 404', 'PUT /v1/destinations/{id} 410'])

    def test_every_route_in_it_is_served(self):
        _, client = self.started_with_people()
        document = client.get('/openapi.json').json()
        for path, methods in document['paths'].items():
            for method in methods:
                if method not in ('get', 'put', 'post', 'delete'):
                    continue
                with self.subTest(f'{method} {path}'):
                    asked = path
                    while '{' in asked:
                        begin, end = asked.index('{'), asked.index('}')
                        asked = asked[:begin] + 'none' + asked[end + 1:]
                    body = b'' if method in ('put', 'post') else None
                    # A stream that would never end is refused for this.
                    headers = {'Last-Event-ID': 'none'}
                    answer = client.request(method.upper(), asked, body, headers)
                    self.assertNotIn(answer.status, (405, 500, 501), answer.body)
                    if answer.status == 404:
                        # The thing is missing, not the route.
                        self.assertNotIn('route', answer.problem())


if __name__ == '__main__':
    unittest.main()
