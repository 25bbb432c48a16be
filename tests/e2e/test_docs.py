"""Examples in the documents: run as they stand, and they print what is shown."""
import os
import re
import unittest

from session import Session, Step, matches, steps_of
from support import ROOT, MusterCase


class Examples(MusterCase):
    def run_document(self, name):
        with open(os.path.join(ROOT, name), encoding='utf-8') as stream:
            steps = steps_of(stream.read())
        self.assertGreater(len(steps), 2, f'{name} shows no session')
        session = Session(self.folder)
        self.addCleanup(session.close)
        for step in steps:
            with self.subTest(f'{name}:{step.line}', command=step.command):
                printed = session.run(step)
                self.assertTrue(matches(step.expected, printed),
                                '\nshown:\n' + '\n'.join(step.expected) + '\nprinted:\n' + printed)

    def test_readme(self):
        self.run_document('README.md')

    def test_http_api(self):
        self.run_document('docs/http-api.md')

    def test_storage(self):
        self.run_document('docs/storage.md')

    def test_a_wrong_example_is_found(self):
        session = Session(self.folder)
        for shown, good in (('one\ntwo', True), ('one', False), ('one\nt...', True),
                            ('...', True), ('...\ntwo', True), ('one\nthree', False), ('', False)):
            with self.subTest(shown):
                step = Step('printf "one\\ntwo\\n"', 1)
                step.expected = shown.split('\n') if shown else []
                self.assertEqual(matches(step.expected, session.run(step)), good)

    def test_links_lead_somewhere(self):
        for folder, _, names in os.walk(ROOT):
            if any(part in folder.split(os.sep) for part in ('build', '.git', '.quickstart')):
                continue
            for name in names:
                if name.endswith('.md'):
                    self.check_links(os.path.join(folder, name))

    def check_links(self, path):
        with open(path, encoding='utf-8') as stream:
            text = re.sub(r'```.*?```', '', stream.read(), flags=re.DOTALL)
        for target in re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', text):
            if '://' not in target:
                with self.subTest(path=os.path.relpath(path, ROOT), target=target):
                    self.assertTrue(os.path.exists(os.path.join(os.path.dirname(path), target)))


if __name__ == '__main__':
    unittest.main()
